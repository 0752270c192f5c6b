"""What price_service asks of market_data_service."""

from services.base.client import ServiceClient
from services.base.validation import Answer
from services.price.quotes import CANDLES_OF_A_DAY, MarketDay

MARKET_DATA = "market_data_service"


class Offer(Answer):
    """The symbols on offer, and the intervals of their candles."""

    symbols: list[str]
    intervals: list[str]


class Market:
    """market_data_service as this service uses it; DependencyUnavailable when it can't answer."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def offer(self) -> Offer:
        return await self._client.get(MARKET_DATA, "/symbols", Offer)

    async def day(self, symbol: str, interval: str) -> MarketDay:
        query = {
            "symbol": symbol,
            "interval": interval,
            "limit": str(CANDLES_OF_A_DAY[interval]),
        }
        return await self._client.get(MARKET_DATA, "/candles", MarketDay, query=query)
