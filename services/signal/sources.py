"""What signal_service asks of price_service and market_analyzer_service."""

import asyncio
from collections.abc import Iterable

from services.base.client import ServiceClient
from services.base.validation import Answer

PRICE = "price_service"
ANALYZER = "market_analyzer_service"


class Price(Answer):
    """A symbol's price at the second `as_of`."""

    symbol: str
    price: float
    as_of: str


class Prices(Answer):
    prices: list[Price]


class Macd(Answer):
    histogram: float


class Bollinger(Answer):
    upper: float
    lower: float


class Indicators(Answer):
    """A value is None where the analyzer had too few candles for it."""

    ema: float | None
    rsi: float | None
    macd: Macd | None
    bollinger: Bollinger | None


class Analysis(Answer):
    """Of the candles closed at `candle_time`; without candles, that and `close` are None."""

    symbol: str
    interval: str
    source: str
    candle_time: str | None
    close: float | None
    indicators: Indicators


class Sources:
    """Raises DependencyUnavailable when one can't answer, SymbolNotFound for an unknown symbol."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def of(self, symbol: str) -> tuple[Analysis, Price]:
        # One after the other: the first answer shows whether the symbol exists.
        price = await self._client.get(PRICE, f"/prices/{symbol}", Price)
        return await self._analysis(symbol), price

    async def all(self) -> Iterable[tuple[Analysis, Price]]:
        prices = (await self._client.get(PRICE, "/prices", Prices)).prices
        analyses = await asyncio.gather(*(self._analysis(price.symbol) for price in prices))
        return zip(analyses, prices, strict=True)

    async def _analysis(self, symbol: str) -> Analysis:
        return await self._client.get(ANALYZER, f"/analysis/{symbol}", Analysis)
