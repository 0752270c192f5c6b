"""The resources of signal_service: /signals and /signals/{symbol}."""

import re
from collections.abc import Iterable

from aiohttp import web

from services.base.answers import json_response
from services.base.failures import SymbolNotFound
from services.base.inputs import query_of
from services.base.validation import NoParameters
from services.signal.signals import Signals

#: What a symbol can look like; it becomes part of a path in requests to other services.
_SYMBOL = re.compile(r"[A-Z0-9]{1,32}")


def signal_routes(signals: Signals) -> Iterable[web.RouteDef]:
    async def every_signal(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        found = await signals.all()
        return json_response({"count": len(found), "signals": found})

    async def signal(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        symbol = request.match_info["symbol"]
        if not _SYMBOL.fullmatch(symbol):
            raise SymbolNotFound(f"unknown symbol {symbol!r}")
        return json_response(await signals.of(symbol))

    return [web.get("/signals", every_signal), web.get("/signals/{symbol}", signal)]
