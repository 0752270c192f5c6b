"""The resources of price_service: /prices and /prices/{symbol}."""

from collections.abc import Iterable

from aiohttp import web

from services.base.answers import json_response
from services.base.failures import SymbolNotFound
from services.base.inputs import query_of
from services.base.validation import NoParameters
from services.price.prices import Prices


def price_routes(prices: Prices) -> Iterable[web.RouteDef]:
    async def every_price(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        quotes = await prices.all()
        return json_response({"count": len(quotes), "prices": quotes})

    async def price(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        symbol = request.match_info["symbol"]
        known = await prices.symbols()
        if symbol not in known:
            raise SymbolNotFound.among(known, symbol)
        [quote] = await prices.of([symbol])
        return json_response(quote)

    return [web.get("/prices", every_price), web.get("/prices/{symbol}", price)]
