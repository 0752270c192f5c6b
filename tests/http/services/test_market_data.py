"""market_data_service over HTTP."""

import asyncio
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from prometheus_client import REGISTRY

from services.base.app import STOPPING
from services.base.directory import Directory
from services.market_data.app import create_app
from services.market_data.settings import MarketDataSettings
from tests.support.eventually import eventually

Client = TestClient[web.Request, web.Application]

RECORDED = """timestamp,symbol,open,high,low,close,volume
2026-01-01T00:00:00Z,BTCUSDT,100,110,90,105,1.5
2026-01-01T01:00:00Z,BTCUSDT,105,107,101,102,2.5
"""


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, market_data: web.Application) -> Client:
    return await aiohttp_client(market_data)


@pytest.fixture
async def file_client(
    aiohttp_client: AiohttpClient, directory: Directory, tmp_path: Path
) -> Client:
    path = tmp_path / "candles.csv"
    path.write_text(RECORDED)
    settings = MarketDataSettings.model_validate({"market_data_file": path})
    return await aiohttp_client(create_app(settings, directory))


async def test_symbols_say_which_kind_of_data_they_are(client: Client) -> None:
    response = await client.get("/symbols")
    assert response.status == 200
    assert await response.json() == {
        "source": "simulated",
        "count": 5,
        "symbols": ["BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"],
        "intervals": ["1m", "5m", "15m", "1h", "4h", "1d"],
    }


async def test_candles_end_with_the_forming_one(client: Client) -> None:
    response = await client.get("/candles?symbol=BTCUSDT&interval=1h&limit=3")
    assert response.status == 200
    document = await response.json()
    candles = document.pop("candles")
    assert document == {
        "symbol": "BTCUSDT",
        "interval": "1h",
        "source": "simulated",
        "as_of": "2026-01-01T12:34:56Z",
        "count": 3,
    }
    assert [(candle["open_time"], candle["closed"]) for candle in candles] == [
        ("2026-01-01T10:00:00Z", True),
        ("2026-01-01T11:00:00Z", True),
        ("2026-01-01T12:00:00Z", False),
    ]
    assert list(candles[-1]) == [
        "open_time", "open", "high", "low", "close", "volume", "close_time", "closed"
    ]  # fmt: skip
    assert candles[-1]["close_time"] == "2026-01-01T13:00:00Z"


async def test_a_hundred_minutes_are_given_to_who_asks_for_no_more(client: Client) -> None:
    document = await (await client.get("/candles?symbol=XRPUSDT")).json()
    assert (document["interval"], document["count"]) == ("1m", 100)
    assert len(document["candles"]) == 100


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("", "query parameter 'symbol' is missing"),
        (
            "symbol=NOPE",
            "unknown symbol 'NOPE'; known: BNBUSDT, BTCUSDT, ETHUSDT, SOLUSDT, XRPUSDT",
        ),
        (
            "symbol=BTCUSDT&interval=2h",
            "query parameter 'interval': '2h' should be '1m', '5m', '15m', '1h', '4h' or '1d'",
        ),
        (
            "symbol=BTCUSDT&limit=0",
            "query parameter 'limit': '0' should be greater than or equal to 1",
        ),
        (
            "symbol=BTCUSDT&limit=1001",
            "query parameter 'limit': '1001' should be less than or equal to 1000",
        ),
        (
            "symbol=BTCUSDT&limit=ten",
            (
                "query parameter 'limit': 'ten' should be a valid integer, "
                "unable to parse string as an integer"
            ),
        ),
        (
            "symbol=BTCUSDT&size=3",
            "unknown query parameter 'size'; known: symbol, interval, limit",
        ),
        (
            "symbol=BTCUSDT&symbol=ETHUSDT",
            "query parameter 'symbol' is given more than once",
        ),
    ],
)
async def test_a_bad_query_is_refused_with_what_is_wrong(
    client: Client, query: str, detail: str
) -> None:
    response = await client.get(f"/candles?{query}", headers={"X-Correlation-ID": "c-1"})
    assert response.status == 400
    assert response.content_type == "application/problem+json"
    assert await response.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": detail,
        "reason": "bad_request",
        "correlation_id": "c-1",
    }


async def test_symbols_take_no_parameters(client: Client) -> None:
    response = await client.get("/symbols?limit=1")
    assert response.status == 400
    assert (await response.json())["detail"] == "unknown query parameter 'limit'; known: none"


async def test_a_stream_begins_with_a_tick_of_each_symbol_asked_for(client: Client) -> None:
    candles = await (await client.get("/candles?symbol=ETHUSDT&interval=1d&limit=1")).json()
    async with client.get("/ticks?symbol=ETHUSDT,BTCUSDT,ETHUSDT") as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-cache"
        assert "X-Correlation-ID" in response.headers
        lines = [(await response.content.readline()).decode() for _ in range(8)]
    assert lines[:2] == ["id: 1767270896\n", "event: tick\n"]
    assert orjson.loads(lines[2].removeprefix("data: ")) == {
        "symbol": "ETHUSDT",
        "price": candles["candles"][0]["close"],
        "as_of": "2026-01-01T12:34:56Z",
    }
    assert lines[3] == "\n"
    assert '"symbol":"BTCUSDT"' in lines[6]


async def test_a_stream_goes_on_from_second_to_second(
    aiohttp_client: AiohttpClient, directory: Directory
) -> None:
    seconds = iter(range(1_767_270_896, 1_767_270_996))
    app = create_app(MarketDataSettings(), directory, lambda: next(seconds) + 0.99)
    client = await aiohttp_client(app)
    async with client.get("/ticks?symbol=BTCUSDT") as response:
        lines = [await response.content.readline() for _ in range(12)]
    ids = [line for line in lines if line.startswith(b"id: ")]
    assert len(ids) == 3
    assert ids == sorted(set(ids))


async def test_a_stream_ends_cleanly_when_the_service_stops(
    client: Client, market_data: web.Application
) -> None:
    async with client.get("/ticks") as response:
        await response.content.readline()
        market_data[STOPPING].set()
        async with asyncio.timeout(5):
            rest = await response.read()
    assert rest.endswith(b"\n\n")


async def test_a_stream_is_timed_as_a_stream_and_not_as_a_request(
    client: Client, market_data: web.Application
) -> None:
    labels = {"service": "market_data_service"}

    def counted(what: str, **more: str) -> float:
        name = f"service_{what}_duration_seconds_count"
        return REGISTRY.get_sample_value(name, labels | more) or 0.0

    streams, requests = counted("stream", kind="event_stream"), counted("request")
    async with client.get("/ticks") as response:
        await response.content.readline()
        market_data[STOPPING].set()
        await response.read()

    await eventually(lambda: counted("stream", kind="event_stream") == streams + 1)
    assert counted("request") == requests


async def test_a_stream_of_an_unknown_symbol_is_refused(client: Client) -> None:
    response = await client.get("/ticks?symbol=BTCUSDT,NOPE")
    assert response.status == 400
    assert (await response.json())["detail"].startswith("unknown symbol 'NOPE'")


async def test_the_head_of_an_endless_answer_is_not_to_be_had(client: Client) -> None:
    response = await client.head("/ticks")
    assert response.status == 405
    assert response.headers["Allow"] == "GET"


async def test_recorded_candles_are_served_as_they_were(file_client: Client) -> None:
    assert await (await file_client.get("/symbols")).json() == {
        "source": "file",
        "count": 1,
        "symbols": ["BTCUSDT"],
        "intervals": ["1h", "4h", "1d"],
    }
    document = await (await file_client.get("/candles?symbol=BTCUSDT&interval=4h")).json()
    assert document["as_of"] == "2026-01-01T02:00:00Z"
    assert document["candles"] == [
        {
            "open_time": "2026-01-01T00:00:00Z",
            "open": 100.0,
            "high": 110.0,
            "low": 90.0,
            "close": 102.0,
            "volume": 4.0,
            "close_time": "2026-01-01T04:00:00Z",
            "closed": False,
        }
    ]


async def test_an_interval_shorter_than_the_recorded_candles_is_refused(
    file_client: Client,
) -> None:
    response = await file_client.get("/candles?symbol=BTCUSDT&interval=1m")
    assert response.status == 400
    assert (await response.json())["detail"] == (
        "interval '1m' is shorter than the file's candles; offered: 1h, 4h, 1d"
    )
