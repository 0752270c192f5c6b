"""market_analyzer_service over HTTP, against a real market_data_service."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient, TestServer

from services.market_analyzer.app import create_app
from services.market_analyzer.indicators import indicators
from services.market_analyzer.settings import MarketAnalyzerSettings
from services.market_data.app import create_app as create_market_data
from services.market_data.settings import MarketDataSettings
from tests.http.services.conftest import Run, StandInClock, StandInDirectory

Client = TestClient[web.Request, web.Application]

MARKET_DATA = "market_data_service"


@pytest.fixture
async def market(run: Run, market_data: web.Application) -> TestServer:
    [server] = await run(MARKET_DATA, market_data)
    return server


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, directory: StandInDirectory) -> Client:
    return await aiohttp_client(create_app(MarketAnalyzerSettings(), directory))


async def analyzed(client: Client, path: str = "/analysis/BTCUSDT") -> dict[str, Any]:
    response = await client.get(path)
    assert response.status == 200
    document: dict[str, Any] = await response.json()
    return document


async def test_it_is_of_the_closed_candles_of_market_data(
    client: Client, market: TestServer, aiohttp_client: AiohttpClient
) -> None:
    document = await analyzed(client, "/analysis/BTCUSDT?interval=1h&limit=50")
    market_client = await aiohttp_client(market)
    path = "/candles?symbol=BTCUSDT&interval=1h&limit=51"
    candles = (await (await market_client.get(path)).json())["candles"][:-1]
    assert document == {
        "symbol": "BTCUSDT",
        "interval": "1h",
        "source": "simulated",
        "as_of": "2026-01-01T12:34:56Z",
        "candle_time": "2026-01-01T12:00:00Z",
        "count": 50,
        "close": candles[-1]["close"],
        "indicators": indicators([candle["close"] for candle in candles], 3600),
        "periods": {
            "sma": 20,
            "ema": 20,
            "rsi": 14,
            "macd": {"fast": 12, "slow": 26, "signal": 9},
            "bollinger": {"period": 20, "deviations": 2},
            "volatility": 20,
        },
    }
    assert None not in document["indicators"].values()


@pytest.mark.usefixtures("market")
async def test_without_parameters_it_is_of_two_hundred_candles_of_five_minutes(
    client: Client,
) -> None:
    document = await analyzed(client)
    assert (document["interval"], document["count"]) == ("5m", 200)
    assert document["candle_time"] == "2026-01-01T12:30:00Z"


@pytest.mark.usefixtures("market")
async def test_it_stays_the_same_until_the_next_candle_closes(
    client: Client, clock: StandInClock
) -> None:
    before = await analyzed(client)
    clock.now_s += 3
    during = await analyzed(client)
    assert during["indicators"] == before["indicators"]
    assert during["as_of"] != before["as_of"]
    clock.now_s += 1
    after = await analyzed(client)
    assert after["candle_time"] == "2026-01-01T12:35:00Z"
    assert after["indicators"] != before["indicators"]


@pytest.mark.usefixtures("market")
async def test_indicators_that_need_more_candles_are_null(client: Client) -> None:
    found = (await analyzed(client, "/analysis/BTCUSDT?limit=20"))["indicators"]
    missing = {name for name, value in found.items() if value is None}
    assert missing == {"macd", "volatility"}


@pytest.mark.usefixtures("market")
async def test_an_unknown_symbol_is_not_found(client: Client) -> None:
    response = await client.get("/analysis/NOPE")
    assert (response.status, (await response.json())["reason"]) == (404, "symbol_not_found")


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        (
            "interval=2h",
            "query parameter 'interval': '2h' should be one of 1m, 5m, 15m, 1h, 4h, 1d",
        ),
        ("limit=0", "query parameter 'limit': '0' should be greater than or equal to 1"),
        ("limit=1000", "query parameter 'limit': '1000' should be less than or equal to 999"),
        ("period=9", "unknown query parameter 'period'; known: interval, limit"),
    ],
)
async def test_a_bad_query_is_refused_with_what_is_wrong(
    client: Client, query: str, detail: str
) -> None:
    response = await client.get(f"/analysis/BTCUSDT?{query}")
    assert response.status == 400
    assert (await response.json())["detail"] == detail


async def test_without_market_data_it_says_so(client: Client) -> None:
    response = await client.get("/analysis/BTCUSDT")
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    document = await response.json()
    assert document["reason"] == "dependency_unavailable"
    assert document["detail"].startswith("market_data_service is not available: ")


async def test_recorded_days_are_analyzed_too(
    client: Client, run: Run, directory: StandInDirectory, tmp_path: Path
) -> None:
    path = tmp_path / "candles.csv"
    lines = [f"2026-01-{day:02}T00:00:00Z,BTCUSDT,9,9,1,{day % 7 + 1},1\n" for day in range(1, 31)]
    path.write_text("timestamp,symbol,open,high,low,close,volume\n" + "".join(lines))
    settings = MarketDataSettings.model_validate({"market_data_file": path})
    await run(MARKET_DATA, create_market_data(settings, directory))
    document = await analyzed(client)
    assert (document["interval"], document["source"], document["count"]) == ("1d", "file", 30)
    assert document["candle_time"] == document["as_of"] == "2026-01-31T00:00:00Z"
