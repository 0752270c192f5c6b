"""Requests that the gateway sends beside a client's own, each with an Exchange of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from middlewares.exchange import Exchange
from middlewares.header_section import HeaderSection
from middlewares.request_target import split_target

FieldLine = tuple[bytes, bytes]

#: What frames the client's own body or belongs to its connection: a side request has a body of its own.
_OF_THE_CLIENT = frozenset(
    [b"content-length", b"transfer-encoding", b"trailer", b"expect", b"upgrade", b"http2-settings"]
)
_LENGTH = b"content-length"


@dataclass(frozen=True, slots=True)
class SideAnswer:
    """What came of a side request, at its end.

    `fields` are those of the answer as they came. `is_whole`: `body` is all of the answer's body, with its
    content coding; else it was longer than allowed, or is an event stream, and `body` is empty.
    """

    status: int
    fields: Sequence[FieldLine]
    body: bytes = field(repr=False)
    is_whole: bool = True
    is_event_stream: bool = False


class SendsAside(Protocol):
    """Sends side requests; the gateway's front gives it."""

    async def __call__(
        self,
        client: web.Request,
        exchange: Exchange,
        method: str,
        body: bytes,
        handler: Handler,
        *,
        within_s: float,
        most_bytes: int,
        hold: Callable[[int], None] = ...,
    ) -> SideAnswer:
        """Send a request through the layers of `handler` and the hop, and read its answer.

        `client` is the request beside which it is sent; it may end before. Everything together takes at
        most `within_s`, and no more than `most_bytes` of a body are read; `hold` is told the size of each piece
        before it is kept, and may raise a Failure. Raises the Failure that ends it,
        UpstreamTimeout where the time is over. The Exchange is released in any case.
        """
        ...


def side_exchange(
    begun: Exchange,
    target: str,
    fields: Sequence[FieldLine],
    body: bytes,
    *,
    started_s: float,
) -> Exchange:
    """The record of a side request, with the correlation ID and the client of the request that began it.

    `target` is what the route's rewriting starts from, and `fields` are those to send; fields that frame
    a body or belong to the client's connection are left out. The time that X-Request-Timeout allows runs from
    `started_s` on. The caller sets the route. Raises BadRequest.
    """
    kept: list[FieldLine] = []
    had_length = False
    for name, value in fields:
        lower = name.lower()
        had_length = had_length or lower == _LENGTH
        if lower not in _OF_THE_CLIENT:
            kept.append((name, value))
    if body or had_length:
        kept.append((b"Content-Length", b"%d" % len(body)))
    section = HeaderSection(kept)
    # A client of HTTP/1.0 may have named none.
    section.check((1, 0) if section.host is None else (1, 1))
    authority, path_and_query = split_target(target)
    made = Exchange(
        begun.correlation_id,
        started_s,
        begun.client_ip,
        section,
        begun.authority if authority is None else authority,
        path_and_query,
        path_and_query.partition("?")[0],
    )
    made.ways, made.identity = begun.ways, begun.identity
    made.body = body
    return made
