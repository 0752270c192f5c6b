"""Prices as of now, in the one way in which all clients get them."""

import asyncio
from collections.abc import Iterable, Sequence

from services.price.market import Market, Offer
from services.price.quotes import Quote, interval_among, quote


class Prices:
    """DependencyUnavailable whenever market_data_service can't answer."""

    def __init__(self, market: Market) -> None:
        self._market = market

    async def symbols(self) -> Sequence[str]:
        """Those that have prices."""
        return (await self._market.offer()).symbols

    async def all(self) -> list[Quote]:
        offer = await self._market.offer()
        return await self._quotes(offer.symbols, offer)

    async def of(self, symbols: Iterable[str]) -> list[Quote]:
        """In the same order; each must be one of `symbols()`."""
        return await self._quotes(symbols, await self._market.offer())

    async def _quotes(self, symbols: Iterable[str], offer: Offer) -> list[Quote]:
        interval = interval_among(offer.intervals)
        days = await asyncio.gather(*(self._market.day(symbol, interval) for symbol in symbols))
        return [quote(day) for day in days]
