"""The resources of market_data_service: /symbols, /candles and /ticks."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from aiohttp import web

from services.base.answers import json_response, time_text
from services.base.event_stream import open_event_stream
from services.base.inputs import query_of
from services.base.validation import NoParameters
from services.market_data.bars import Candle, CandleSource
from services.market_data.queries import (
    CandlesQuery,
    TicksQuery,
    chosen_symbols,
    known_symbol,
    offered_interval,
)
from services.market_data.ticks import TickStream, until_next_second_s


def market_data_routes(
    source: CandleSource, *, clock: Callable[[], float], stopping: asyncio.Event
) -> Iterable[web.RouteDef]:
    """`clock` gives Unix seconds; `stopping` ends the streams."""

    async def symbols(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        return json_response(
            {
                "source": source.name,
                "count": len(source.symbols),
                "symbols": source.symbols,
                "intervals": source.intervals,
            }
        )

    async def candles(request: web.Request) -> web.Response:
        query = query_of(request, CandlesQuery)
        symbol = known_symbol(query.symbol, source)
        interval = offered_interval(query.interval, source)
        now_s = clock()
        found = source.candles(symbol, interval, query.limit, now_s)
        return json_response(
            {
                "symbol": symbol,
                "interval": interval,
                "source": source.name,
                "as_of": time_text(source.as_of_s(symbol, now_s)),
                "count": len(found),
                "candles": [_document(candle) for candle in found],
            }
        )

    async def ticks(request: web.Request) -> web.StreamResponse:
        query = query_of(request, TicksQuery)
        stream = TickStream(source, chosen_symbols(query, source))
        response = await open_event_stream(request)
        with suppress(ConnectionError):  # most streams end because the client leaves
            while not stopping.is_set():
                if due := stream.due(clock()):
                    await response.write(due)
                with suppress(TimeoutError):
                    async with asyncio.timeout(until_next_second_s(clock())):
                        await stopping.wait()
            await response.write_eof()
        return response

    return [
        web.get("/symbols", symbols),
        web.get("/candles", candles),
        # A HEAD of an endless answer would never end.
        web.get("/ticks", ticks, allow_head=False),
    ]


def _document(candle: Candle) -> dict[str, Any]:
    return {
        "open_time": time_text(candle.open_s),
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "close_time": time_text(candle.close_s),
        "closed": candle.closed,
    }
