"""price_service over HTTP, against a real market_data_service."""

from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient, AiohttpServer
from aiohttp.test_utils import BaseTestServer, TestClient, TestServer

from discovery import RegistryUnavailable
from services.market_data.app import create_app as create_market_data
from services.market_data.settings import MarketDataSettings
from services.price.app import create_app
from services.price.settings import PriceSettings
from tests.http.services.conftest import StandInDirectory

Client = TestClient[web.Request, web.Application]
UrlOf = Callable[[BaseTestServer], str]

MARKET_DATA = "market_data_service"


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, directory: StandInDirectory) -> Client:
    return await aiohttp_client(create_app(PriceSettings(), directory))


@pytest.fixture
async def market(
    aiohttp_client: AiohttpClient,
    directory: StandInDirectory,
    market_data: web.Application,
    url_of: UrlOf,
) -> Client:
    """market_data_service, running and listed in the directory."""
    client: Client = await aiohttp_client(market_data)
    directory.list(MARKET_DATA, url_of(client.server))
    return client


async def test_a_price_is_the_close_of_the_candle_that_forms_at_its_moment(
    client: Client, market: Client
) -> None:
    price = await (await client.get("/prices/BTCUSDT")).json()
    candles = await (await market.get("/candles?symbol=BTCUSDT&interval=1h&limit=25")).json()
    before = (await (await market.get("/candles?symbol=BTCUSDT&interval=15m&limit=97")).json())[
        "candles"
    ][0]["open"]
    last = candles["candles"][-1]["close"]
    assert price == {
        "symbol": "BTCUSDT",
        "price": last,
        "change_24h_pct": round((last / before - 1) * 100, 2),
        "as_of": candles["as_of"],
        "source": "simulated",
    }


@pytest.mark.usefixtures("market")
async def test_prices_are_those_of_all_symbols(client: Client) -> None:
    document = await (await client.get("/prices")).json()
    assert document["count"] == 5
    symbols = [price["symbol"] for price in document["prices"]]
    assert symbols == ["BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
    single = await (await client.get("/prices/SOLUSDT")).json()
    assert single in document["prices"]


@pytest.mark.usefixtures("market")
async def test_an_unknown_symbol_is_not_found(client: Client) -> None:
    response = await client.get("/prices/NOPE")
    assert (response.status, response.content_type) == (404, "application/problem+json")
    document = await response.json()
    assert document["reason"] == "symbol_not_found"
    assert document["detail"] == (
        "unknown symbol 'NOPE'; known: BNBUSDT, BTCUSDT, ETHUSDT, SOLUSDT, XRPUSDT"
    )


@pytest.mark.parametrize("path", ["/prices", "/prices/BTCUSDT"])
async def test_parameters_are_refused(client: Client, path: str) -> None:
    response = await client.get(f"{path}?limit=1")
    assert response.status == 400
    assert (await response.json())["detail"] == "unknown query parameter 'limit'; known: none"


@pytest.mark.parametrize("path", ["/prices", "/prices/BTCUSDT"])
async def test_without_market_data_it_says_so_and_when_to_ask_again(
    client: Client, path: str
) -> None:
    response = await client.get(path)
    assert (response.status, response.content_type) == (503, "application/problem+json")
    assert response.headers["Retry-After"] == "1"
    document = await response.json()
    assert document["reason"] == "dependency_unavailable"
    assert document["detail"] == (
        "market_data_service is not available: no instance is registered and healthy"
    )


async def test_it_may_be_started_before_what_it_needs(
    client: Client, directory: StandInDirectory, market_data_server: TestServer, url_of: UrlOf
) -> None:
    assert (await client.get("/prices/BTCUSDT")).status == 503
    directory.list(MARKET_DATA, url_of(market_data_server))
    assert (await client.get("/prices/BTCUSDT")).status == 200


async def test_an_instance_that_refuses_connections_costs_nobody_an_answer(
    client: Client,
    directory: StandInDirectory,
    market_data_server: TestServer,
    refusing_url: str,
    url_of: UrlOf,
) -> None:
    directory.list(MARKET_DATA, refusing_url, url_of(market_data_server))
    for _ in range(4):
        assert (await client.get("/prices/BTCUSDT")).status == 200


async def test_the_registry_being_away_is_said(client: Client, directory: StandInDirectory) -> None:
    directory.failure = RegistryUnavailable("no answer")
    response = await client.get("/prices/BTCUSDT")
    assert response.status == 503
    assert (await response.json())["detail"] == (
        "market_data_service is not available: the registry does not answer"
    )


async def test_status_shows_whether_market_data_answers(
    client: Client,
    directory: StandInDirectory,
    market_data_server: TestServer,
    refusing_url: str,
    url_of: UrlOf,
) -> None:
    directory.list(MARKET_DATA, url_of(market_data_server))
    status = await (await client.get("/status")).json()
    assert status["dependencies"] == [{"name": MARKET_DATA, "state": "available"}]
    directory.list(MARKET_DATA, refusing_url)
    status = await (await client.get("/status")).json()
    assert status["dependencies"] == [
        {
            "name": MARKET_DATA,
            "state": "unavailable",
            "detail": "market_data_service is not available: no instance could be reached",
        }
    ]


async def test_recorded_days_have_prices_too(
    aiohttp_server: AiohttpServer,
    client: Client,
    directory: StandInDirectory,
    tmp_path: Path,
    url_of: UrlOf,
) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(
        "timestamp,symbol,open,high,low,close,volume\n"
        "2026-01-01T00:00:00Z,BTCUSDT,100,110,90,105,1\n"
        "2026-01-02T00:00:00Z,BTCUSDT,105,130,100,125,1\n"
    )
    settings = MarketDataSettings.model_validate({"market_data_file": path})
    server = await aiohttp_server(create_market_data(settings, directory))
    directory.list(MARKET_DATA, url_of(server))
    assert await (await client.get("/prices/BTCUSDT")).json() == {
        "symbol": "BTCUSDT",
        "price": 125.0,
        "change_24h_pct": 25.0,
        "as_of": "2026-01-03T00:00:00Z",
        "source": "file",
    }
