"""Present prices, the same for all kinds of clients."""

import asyncio
from collections.abc import Iterable, Sequence

from services.price.market import Market, Offer
from services.price.quotes import Quote, interval_among, quote


class Prices:
    """Raises DependencyUnavailable whenever market_data_service can't answer."""

    def __init__(self, market: Market) -> None:
        self._market = market

    async def symbols(self) -> Sequence[str]:
        """The symbols that have prices."""
        return (await self._market.offer()).symbols

    async def all(self) -> list[Quote]:
        offer = await self._market.offer()
        return await self._quotes(offer.symbols, offer)

    async def of(self, symbols: Iterable[str]) -> list[Quote]:
        """The quotes in the same order; each symbol must be one of `symbols()`."""
        return await self._quotes(symbols, await self._market.offer())

    async def _quotes(self, symbols: Iterable[str], offer: Offer) -> list[Quote]:
        interval = interval_among(offer.intervals)
        days = await asyncio.gather(*(self._market.day(symbol, interval) for symbol in symbols))
        return [quote(day) for day in days]
