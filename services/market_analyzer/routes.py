"""The resource of market_analyzer_service: /analysis/{symbol}."""

from collections.abc import Iterable, Sequence

from aiohttp import web
from pydantic import Field

from middlewares.failures import BadRequest
from services.base.answers import json_response
from services.base.failures import SymbolNotFound
from services.base.inputs import query_of
from services.base.validation import Input
from services.market_analyzer.analysis import analysis
from services.market_analyzer.market import Market

#: Long enough for a signal to last, short enough for a viewer to see it change.
USUAL_INTERVAL = "5m"


class AnalysisQuery(Input):
    """`limit` counts closed candles; the default `interval` is USUAL_INTERVAL, if it is offered."""

    interval: str | None = None
    limit: int = Field(200, ge=1, le=999)


def analyzer_routes(market: Market) -> Iterable[web.RouteDef]:
    async def analyze(request: web.Request) -> web.Response:
        query = query_of(request, AnalysisQuery)
        symbol = request.match_info["symbol"]
        offer = await market.offer()
        if symbol not in offer.symbols:
            raise SymbolNotFound.among(offer.symbols, symbol)
        interval = _chosen(query.interval, offer.intervals)
        # One more than asked for, since the last one is still forming.
        candles = await market.candles(symbol, interval, query.limit + 1)
        return json_response(analysis(candles, query.limit))

    return [web.get("/analysis/{symbol}", analyze)]


def _chosen(interval: str | None, offered: Sequence[str]) -> str:
    if interval is None:
        return USUAL_INTERVAL if USUAL_INTERVAL in offered else offered[0]
    if interval not in offered:
        raise BadRequest(
            f"query parameter 'interval': {interval!r} should be one of {', '.join(offered)}"
        )
    return interval
