"""signal_service over HTTP with the four other services: the whole trading system."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from services.market_analyzer.app import create_app as create_analyzer
from services.market_analyzer.settings import MarketAnalyzerSettings
from services.market_data.app import create_app as create_market_data
from services.market_data.settings import MarketDataSettings
from services.notification.app import create_app as create_notification
from services.notification.settings import NotificationSettings
from services.price.app import create_app as create_price
from services.price.settings import PriceSettings
from services.signal.app import create_app as create_signal
from services.signal.settings import SignalSettings
from tests.http.services.conftest import NOW_S, Run, StandInClock, StandInDirectory
from tests.support.eventually import eventually

Client = TestClient[web.BaseRequest, None]
StartSystem = Callable[[int], Awaitable[list[Client]]]

SYMBOLS = ["BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
DEPENDENCIES = ["price_service", "market_analyzer_service", "notification_service"]
ROUND_S = 0.05

#: No signal changes in the five minutes from here.
QUIET_S = NOW_S + 3000


@pytest.fixture
def start_system(
    aiohttp_client: AiohttpClient, clock: StandInClock, directory: StandInDirectory,
    registry_url: str, run: Run,
) -> StartSystem:  # fmt: skip
    """`await start_system(3)`: start three instances of each service; return clients of signal_service."""

    async def start(instances: int) -> list[Client]:
        def apps(create: Callable[[], web.Application]) -> list[web.Application]:
            return [create() for _ in range(instances)]

        await run(
            "market_data_service",
            *apps(lambda: create_market_data(MarketDataSettings(), directory, clock)),
        )
        await run("price_service", *apps(lambda: create_price(PriceSettings(), directory)))
        await run(
            "market_analyzer_service",
            *apps(lambda: create_analyzer(MarketAnalyzerSettings(), directory)),
        )
        notification = NotificationSettings(redis_url=registry_url)
        await run(
            "notification_service", *apps(lambda: create_notification(notification, directory))
        )
        signals = apps(lambda: create_signal(SignalSettings(), directory, ROUND_S))
        return [await aiohttp_client(server) for server in await run("signal_service", *signals)]

    return start


@pytest.fixture
async def client(start_system: StartSystem) -> Client:
    [client] = await start_system(1)
    return client


@pytest.fixture
async def lone_client(
    aiohttp_client: AiohttpClient, directory: StandInDirectory
) -> TestClient[web.Request, web.Application]:
    """A client of signal_service, which runs without the other services."""
    return await aiohttp_client(create_signal(SignalSettings(), directory, ROUND_S))


async def asked(directory: StandInDirectory, service: str, path: str) -> list[Any]:
    """The answers of three instances, one after the other."""
    answers = []
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            instance, *_ = await directory.instances(service)
            async with session.get(instance["url"] + path) as response:
                assert response.status == 200
                answers.append(await response.json())
    return answers


async def test_a_signal_comes_with_its_reasons_and_what_it_was_made_of(client: Client) -> None:
    response = await client.get("/signals/BTCUSDT")
    assert response.status == 200
    document = await response.json()
    reasons = document.pop("reasons")
    assert document.pop("signal") in ("buy", "sell", "hold")
    assert 0 <= document.pop("strength") <= 1
    assert document.pop("price") > 0
    assert document == {
        "symbol": "BTCUSDT",
        "as_of": "2026-01-01T12:34:56Z",
        "candle_time": "2026-01-01T12:30:00Z",
        "interval": "5m",
        "source": "simulated",
    }
    assert [reason["rule"] for reason in reasons] == [
        "trend", "momentum", "exhaustion", "reversion"
    ]  # fmt: skip


async def test_signals_are_those_of_all_symbols(client: Client) -> None:
    document = await (await client.get("/signals")).json()
    assert document["count"] == 5
    assert [signal["symbol"] for signal in document["signals"]] == SYMBOLS
    assert await (await client.get("/signals/SOLUSDT")).json() in document["signals"]


async def test_one_request_carries_one_correlation_id_through_all_services(
    client: Client,
) -> None:
    with structlog.testing.capture_logs() as entries:
        await client.get("/signals/BTCUSDT", headers={"X-Correlation-ID": "abc-1"})
        paths = await eventually(
            lambda: [
                entry["path"]
                for entry in entries
                if entry["event"] == "request" and entry["correlation_id"] == "abc-1"
            ]
        )
    assert set(paths) == {
        "/signals/BTCUSDT",  # signal_service
        "/prices/BTCUSDT",  # price_service
        "/analysis/BTCUSDT",  # market_analyzer_service
        "/symbols",  # market_data_service
        "/candles",
    }


@pytest.mark.parametrize("symbol", ["NOPE", "nope", "A%2FB", "A%3Fb=c", "%20"])
async def test_an_unknown_symbol_is_not_found(client: Client, symbol: str) -> None:
    response = await client.get(f"/signals/{symbol}")
    assert (response.status, response.content_type) == (404, "application/problem+json")
    document = await response.json()
    assert document["reason"] == "symbol_not_found"
    assert document["detail"].startswith("unknown symbol ")


@pytest.mark.parametrize("path", ["/signals", "/signals/BTCUSDT"])
@pytest.mark.parametrize("missing", ["price_service", "market_analyzer_service"])
async def test_what_it_can_not_do_without_is_named_in_a_503(
    client: Client, directory: StandInDirectory, refusing_url: str, missing: str, path: str
) -> None:
    directory.list(missing, refusing_url)
    response = await client.get(path)
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    document = await response.json()
    assert document["reason"] == "dependency_unavailable"
    assert document["detail"] == f"{missing} is not available: no instance could be reached"


async def test_without_market_data_the_503_goes_all_the_way(
    client: Client, directory: StandInDirectory, refusing_url: str
) -> None:
    directory.list("market_data_service", refusing_url)
    response = await client.get("/signals/BTCUSDT")
    assert response.status == 503
    assert (await response.json())["detail"] == "price_service is not available: it answered 503"


async def test_without_notification_there_are_signals_all_the_same(
    client: Client, directory: StandInDirectory, refusing_url: str
) -> None:
    directory.list("notification_service", refusing_url)
    assert (await client.get("/signals")).status == 200


async def test_parameters_are_refused(
    lone_client: TestClient[web.Request, web.Application],
) -> None:
    for path in ("/signals", "/signals/BTCUSDT"):
        assert (await lone_client.get(f"{path}?interval=1h")).status == 400


async def test_status_shows_each_dependency(
    client: Client, directory: StandInDirectory, refusing_url: str
) -> None:
    status = await (await client.get("/status")).json()
    assert status["dependencies"] == [{"name": name, "state": "available"} for name in DEPENDENCIES]
    directory.list("notification_service", refusing_url)
    status = await (await client.get("/status")).json()
    states = {entry["name"]: entry["state"] for entry in status["dependencies"]}
    assert states["notification_service"] == "unavailable"
    assert states["price_service"] == "available"


async def notified(directory: StandInDirectory, count: int) -> list[dict[str, Any]]:
    """Wait for `count` signal notifications; return them, newest first."""

    async def look() -> list[dict[str, Any]]:
        [page, *_] = await asked(directory, "notification_service", "/notifications?kind=signal")
        found: list[dict[str, Any]] = page["notifications"]
        assert len(found) == count
        return found

    return await eventually(look)


async def test_signals_are_notified_without_anybody_asking_once_for_all_instances(
    start_system: StartSystem, directory: StandInDirectory
) -> None:
    clients = await start_system(3)
    found = await notified(directory, len(SYMBOLS))
    signals = (await (await clients[0].get("/signals")).json())["signals"]
    assert sorted((each["symbol"], each["data"]["signal"]) for each in found) == [
        (signal["symbol"], signal["signal"]) for signal in signals
    ]
    assert found[0]["data"]["candle_time"] == "2026-01-01T12:30:00Z"


async def moved_until_changed(client: Client, clock: StandInClock) -> dict[str, str]:
    """Go from candle to candle until a signal changes; return the changed signals."""
    before = await signals_of(client)
    for _ in range(200):
        clock.now_s += 300
        after = await signals_of(client)
        if after != before:
            return dict(after.items() - before.items())
    raise AssertionError("no signal changes in 200 candles")


async def signals_of(client: Client) -> dict[str, str]:
    document = await (await client.get("/signals")).json()
    return {signal["symbol"]: signal["signal"] for signal in document["signals"]}


async def test_a_changed_signal_is_notified_and_one_that_stays_is_not(
    client: Client, clock: StandInClock, directory: StandInDirectory
) -> None:
    await notified(directory, 5)
    changed = await moved_until_changed(client, clock)
    found = (await notified(directory, 5 + len(changed)))[: len(changed)]
    assert {each["symbol"]: each["data"]["signal"] for each in found} == changed


async def test_a_change_that_could_not_be_notified_is_when_it_can_be(
    client: Client, clock: StandInClock, directory: StandInDirectory, refusing_url: str
) -> None:
    await notified(directory, 5)
    (listed,) = await directory.instances("notification_service")
    directory.list("notification_service", refusing_url)
    with structlog.testing.capture_logs() as entries:
        changed = await moved_until_changed(client, clock)
        await eventually(lambda: "signals.not_notified" in [entry["event"] for entry in entries])
    directory.list("notification_service", listed["url"])
    found = (await notified(directory, 5 + len(changed)))[: len(changed)]
    assert {each["symbol"]: each["data"]["signal"] for each in found} == changed


async def test_an_instance_that_comes_later_does_not_repeat_what_was_notified(
    start_system: StartSystem,
    clock: StandInClock,
    directory: StandInDirectory,
    aiohttp_client: AiohttpClient,
) -> None:
    clock.now_s = QUIET_S
    [client] = await start_system(1)
    await notified(directory, 5)
    before = await signals_of(client)
    clock.now_s += 300
    # The next candle has a new key, so only the unchanged signal keeps it from posting.
    assert await signals_of(client) == before
    with structlog.testing.capture_logs() as entries:
        await aiohttp_client(create_signal(SignalSettings(), directory, ROUND_S))

        def looked_up() -> list[str]:
            return [entry["method"] for entry in entries if entry.get("path") == "/notifications"]

        await eventually(lambda: len(looked_up()) >= 5)
    assert set(looked_up()) == {"GET"}
    await notified(directory, 5)


async def test_prices_candles_indicators_and_signals_agree_over_all_instances(
    start_system: StartSystem, directory: StandInDirectory
) -> None:
    clients = await start_system(3)

    async def agreed(service: str, path: str) -> Any:
        answers = await asked(directory, service, path)
        assert answers[0] == answers[1] == answers[2]
        return answers[0]

    documents = [await (await one.get("/signals/BTCUSDT")).json() for one in clients]
    assert documents[0] == documents[1] == documents[2]
    price = await agreed("price_service", "/prices/BTCUSDT")
    analysis = await agreed("market_analyzer_service", "/analysis/BTCUSDT")
    forming = await agreed("market_data_service", "/candles?symbol=BTCUSDT&interval=5m&limit=2")

    assert documents[0]["price"] == price["price"] == forming["candles"][-1]["close"]
    assert analysis["close"] == forming["candles"][0]["close"]
    assert documents[0]["candle_time"] == analysis["candle_time"]
    assert analysis["candle_time"] == forming["candles"][0]["close_time"]
    assert documents[0]["as_of"] == price["as_of"] == analysis["as_of"] == forming["as_of"]
