"""Has an instance's answer read for what its request has cost."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.front.answer import SWITCHING_PROTOCOLS, Answer
from middlewares.costs.deciding import Cost, Reading, reading_of_field
from middlewares.costs.reader import CostReader


def read_cost(
    response: web.StreamResponse,
    cost: Cost,
    tell: Callable[[Reading], None],
    grew: Callable[[int], None],
) -> None:
    """Tell the cost once: at once if a field has it, else when the body ends or breaks off.

    `grew` is told the cost of an event stream so far. Nothing is told of an answer of the gateway's own,
    nor of a tunnel.
    """
    if not isinstance(response, Answer) or response.status == SWITCHING_PROTOCOLS:
        return
    fields = response.head.fields
    if cost.place == "response_header":
        tell(reading_of_field(fields, cost.field))
        return
    is_event_stream = _value(fields, b"content-type").lower().startswith(b"text/event-stream")
    coding = _value(fields, b"content-encoding")
    response.add_reader(
        CostReader(cost, tell, is_event_stream=is_event_stream, coding=coding, grew=grew)
    )


def _value(fields: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    return b", ".join([value for one, value in fields if one.lower() == name])
