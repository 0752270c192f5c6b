"""price_service's WebSocket, against a real market_data_service."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from services.price.app import create_app
from services.price.settings import PriceSettings
from services.price.sockets import Pace
from tests.http.services.conftest import NOW_S, Run, StandInClock, StandInDirectory

Client = TestClient[web.Request, web.Application]

MARKET_DATA = "market_data_service"
EAGER = Pace(push_s=0.01)


@pytest.fixture
async def client(
    aiohttp_client: AiohttpClient,
    directory: StandInDirectory,
    run: Run,
    market_data: web.Application,
) -> Client:
    await run(MARKET_DATA, market_data)
    return await aiohttp_client(create_app(PriceSettings(), directory, EAGER))


async def received(socket: ClientWebSocketResponse) -> Any:
    return await socket.receive_json(timeout=5)


async def price_of(client: Client, symbol: str) -> dict[str, Any]:
    return {"type": "price", **(await (await client.get(f"/prices/{symbol}")).json())}


async def test_who_subscribes_gets_the_price_that_prices_has_too(client: Client) -> None:
    async with client.ws_connect("/ws") as socket:
        await socket.send_json({"action": "subscribe", "symbols": ["BTCUSDT"]})
        messages = [await received(socket), await received(socket)]
    assert {"type": "subscriptions", "symbols": ["BTCUSDT"]} in messages
    assert await price_of(client, "BTCUSDT") in messages


async def test_symbols_in_the_query_are_subscribed_to_from_the_start(client: Client) -> None:
    async with client.ws_connect("/ws?symbols=ETHUSDT,BTCUSDT,ETHUSDT") as socket:
        assert await received(socket) == {
            "type": "subscriptions",
            "symbols": ["ETHUSDT", "BTCUSDT"],
        }
        assert await received(socket) == await price_of(client, "ETHUSDT")
        assert await received(socket) == await price_of(client, "BTCUSDT")


async def test_a_changed_price_is_pushed_and_agrees_with_prices(
    client: Client, clock: StandInClock
) -> None:
    async with client.ws_connect("/ws?symbols=BTCUSDT") as socket:
        await received(socket)
        last = await received(socket)
        for _ in range(5):
            clock.now_s += 60
            pushed = await received(socket)
            assert pushed == await price_of(client, "BTCUSDT")
            assert pushed["price"] != last["price"]
            last = pushed


async def test_of_a_symbol_that_was_unsubscribed_from_nothing_more_comes(
    client: Client, clock: StandInClock
) -> None:
    async with client.ws_connect("/ws?symbols=BTCUSDT,ETHUSDT") as socket:
        for _ in range(3):
            await received(socket)
        await socket.send_json({"action": "unsubscribe", "symbols": ["BTCUSDT", "XRPUSDT"]})
        assert await received(socket) == {"type": "subscriptions", "symbols": ["ETHUSDT"]}
        for _ in range(3):
            clock.now_s += 60
            assert (await received(socket))["symbol"] == "ETHUSDT"


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("{", "the message is not valid JSON"),
        ("[]", "the message must be a JSON object"),
        ('{"action": "subscribe"}', "key 'symbols' is missing"),
        (
            '{"action": "buy", "symbols": ["BTCUSDT"]}',
            "key 'action': 'buy' should be 'subscribe' or 'unsubscribe'",
        ),
        ('{"action": "subscribe", "symbols": [1]}', "key 'symbols.0': 1 should be a valid string"),
        (
            '{"action": "subscribe", "symbols": ["NOPE"]}',
            "unknown symbol 'NOPE'; known: BNBUSDT, BTCUSDT, ETHUSDT, SOLUSDT, XRPUSDT",
        ),
        (
            '{"action": "subscribe", "symbols": ["BTCUSDT"], "id": 1}',
            "unknown key 'id'; known: action, symbols",
        ),
    ],
)
async def test_a_bad_message_is_answered_with_what_is_wrong_and_no_more(
    client: Client, message: str, detail: str
) -> None:
    async with client.ws_connect("/ws?symbols=XRPUSDT") as socket:
        await received(socket)
        await received(socket)
        await socket.send_str(message)
        assert await received(socket) == {
            "type": "error",
            "reason": "bad_request",
            "detail": detail,
        }
        await socket.send_json({"action": "unsubscribe", "symbols": ["NOPE"]})
        assert await received(socket) == {"type": "subscriptions", "symbols": ["XRPUSDT"]}


async def test_binary_messages_are_refused(client: Client) -> None:
    async with client.ws_connect("/ws") as socket:
        await socket.send_bytes(b"{}")
        assert (await received(socket))["detail"] == "messages are JSON texts"


async def test_a_message_that_is_too_long_ends_the_connection(client: Client) -> None:
    async with client.ws_connect("/ws") as socket:
        await socket.send_str("x" * 5000)
        assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE
        assert socket.close_code == 1009


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("symbol=BTCUSDT", "unknown query parameter 'symbol'; known: symbols"),
        (
            "symbols=BTCUSDT,NOPE",
            "unknown symbol 'NOPE'; known: BNBUSDT, BTCUSDT, ETHUSDT, SOLUSDT, XRPUSDT",
        ),
        ("symbols=BTCUSDT", "this is a WebSocket: ask for it with Upgrade: websocket"),
    ],
)
async def test_what_is_wrong_before_the_upgrade_is_a_problem_document(
    client: Client, query: str, detail: str
) -> None:
    headers = {} if "Upgrade" in detail else {"Upgrade": "websocket", "Connection": "Upgrade"}
    headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
    response = await client.get(f"/ws?{query}", headers=headers)
    assert (response.status, response.content_type) == (400, "application/problem+json")
    assert (await response.json())["detail"] == detail


async def test_without_market_data_there_is_no_upgrade_but_a_503(
    client: Client, directory: StandInDirectory, refusing_url: str
) -> None:
    directory.list(MARKET_DATA, refusing_url)
    with pytest.raises(WSServerHandshakeError) as caught:
        await client.ws_connect("/ws?symbols=BTCUSDT")
    assert caught.value.status == 503


async def test_an_outage_of_market_data_is_said_once_and_its_end_by_prices(
    client: Client, clock: StandInClock, directory: StandInDirectory, refusing_url: str,
    run: Run, market_data: web.Application,
) -> None:  # fmt: skip
    (listed,) = await directory.instances(MARKET_DATA)
    async with client.ws_connect("/ws?symbols=BTCUSDT") as socket:
        await received(socket)
        await received(socket)
        directory.list(MARKET_DATA, refusing_url)
        assert await received(socket) == {
            "type": "error",
            "reason": "dependency_unavailable",
            "detail": "market_data_service is not available: no instance could be reached",
        }
        await socket.send_json({"action": "subscribe", "symbols": ["ETHUSDT"]})
        answer = await received(socket)
        assert (answer["type"], answer["reason"]) == ("error", "dependency_unavailable")
        clock.now_s = NOW_S + 60
        directory.list(MARKET_DATA, listed["url"])
        assert await received(socket) == await price_of(client, "BTCUSDT")


async def test_a_silent_client_is_pinged_and_cut_off_when_it_does_not_answer(
    aiohttp_client: AiohttpClient, directory: StandInDirectory
) -> None:
    app = create_app(PriceSettings(), directory, Pace(ping_s=0.05))
    client = await aiohttp_client(app)
    async with client.ws_connect("/ws", autoping=False) as socket:
        assert (await socket.receive(timeout=5)).type is WSMsgType.PING
        ended = await socket.receive(timeout=5)
        assert ended.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)


async def test_at_shutdown_clients_are_told_that_the_service_goes_away(client: Client) -> None:
    async with (
        client.ws_connect("/ws?symbols=BTCUSDT") as busy,
        client.ws_connect("/ws") as idle,
    ):
        await received(busy)
        await received(busy)
        closing = asyncio.create_task(client.server.close())
        for socket in (busy, idle):
            message = await socket.receive(timeout=5)
            assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
            assert message.extra == "price_service is shutting down"
        await closing


async def test_a_client_that_never_reads_holds_nobody_up(
    client: Client, clock: StandInClock
) -> None:
    """Its cost is bounded: see test_subscriptions."""
    url = client.make_url("/ws")
    assert url.host is not None
    assert url.port is not None
    _, writer = await asyncio.open_connection(url.host, url.port, limit=1)
    writer.write(
        b"GET /ws?symbols=BTCUSDT HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    async with client.ws_connect("/ws?symbols=BTCUSDT") as socket:
        await received(socket)
        await received(socket)
        for _ in range(3):
            clock.now_s += 60
            assert (await received(socket))["type"] == "price"
    writer.close()
    await writer.wait_closed()
