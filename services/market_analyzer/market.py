"""What market_analyzer_service asks of market_data_service."""

from typing import Annotated

from pydantic import AwareDatetime, Field, PositiveFloat

from services.base.client import ServiceClient
from services.base.validation import Answer

MARKET_DATA = "market_data_service"


class Offer(Answer):
    """The symbols on offer, and the intervals of their candles, shortest first."""

    symbols: list[str]
    intervals: Annotated[list[str], Field(min_length=1)]


class MarketCandle(Answer):
    open_time: AwareDatetime
    close: PositiveFloat
    close_time: AwareDatetime
    closed: bool


class Candles(Answer):
    """A symbol's last candles, oldest first."""

    symbol: str
    interval: str
    source: str
    as_of: str
    candles: list[MarketCandle]


class Market:
    """market_data_service as this service uses it; DependencyUnavailable when it can't answer."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def offer(self) -> Offer:
        return await self._client.get(MARKET_DATA, "/symbols", Offer)

    async def candles(self, symbol: str, interval: str, limit: int) -> Candles:
        query = {"symbol": symbol, "interval": interval, "limit": str(limit)}
        return await self._client.get(MARKET_DATA, "/candles", Candles, query=query)
