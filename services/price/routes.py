"""The resources of price_service: /prices and /prices/{symbol}."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from services.base.answers import json_response
from services.base.failures import SymbolNotFound
from services.base.inputs import query_of
from services.base.validation import NoParameters
from services.price.market import Market
from services.price.quotes import interval_among, quote


def price_routes(market: Market) -> Iterable[web.RouteDef]:
    async def prices(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        offer = await market.offer()
        interval = interval_among(offer.intervals)
        quotes = await asyncio.gather(*(quoted(symbol, interval) for symbol in offer.symbols))
        return json_response({"count": len(quotes), "prices": quotes})

    async def price(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        symbol = request.match_info["symbol"]
        offer = await market.offer()
        if symbol not in offer.symbols:
            raise SymbolNotFound(symbol, offer.symbols)
        return json_response(await quoted(symbol, interval_among(offer.intervals)))

    async def quoted(symbol: str, interval: str) -> dict[str, Any]:
        return quote(await market.day(symbol, interval))

    return [web.get("/prices", prices), web.get("/prices/{symbol}", price)]
