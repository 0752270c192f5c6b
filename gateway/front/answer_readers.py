"""Has an instance's answer read beside the client."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gateway.front.answer import SWITCHING_PROTOCOLS, Answer
from middlewares.bodies import Sink

Fields = Sequence[tuple[bytes, bytes]]


def read_beside(
    response: web.StreamResponse, sink_of: Callable[[int, Fields], Sink | None], most_bytes: int
) -> None:
    """Add the sink that is made for an answer's status and fields, unless there is none for it.

    The sink is told OverCap if the body is longer. Nothing is read of an answer of the gateway's own, of a
    tunnel, or of an event stream.
    """
    if not isinstance(response, Answer) or response.status == SWITCHING_PROTOCOLS:
        return
    if response.is_event_stream:
        return
    sink = sink_of(response.status, response.head.fields)
    if sink is not None:
        response.add_reader(sink, cap=most_bytes)
