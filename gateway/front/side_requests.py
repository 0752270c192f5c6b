"""Sends the requests that go beside a client's own, and reads their answers."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.front.answer import SWITCHING_PROTOCOLS, Answer
from gateway.front.detached_request import DetachedRequest
from middlewares.bodies import AnswerBody
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import UpstreamInvalid, UpstreamTimeout
from middlewares.side_requests import FieldLine, SideAnswer

#: A layer that adds one of these takes nothing away.
_LISTS = frozenset([b"vary", b"link", b"set-cookie"])


async def begin_aside(
    client: web.Request, exchange: Exchange, method: str, body: bytes, handler: Handler
) -> web.StreamResponse:
    """Send a request through the layers of `handler` and the hop, and return its answer unread.

    The caller releases the Exchange, in any case.
    """
    request = DetachedRequest(client, method, exchange.target, body)
    request.client = None  # interim answers are the client's own alone
    request[EXCHANGE] = exchange
    return await handler(request)


async def send_aside(
    client: web.Request,
    exchange: Exchange,
    method: str,
    body: bytes,
    handler: Handler,
    *,
    within_s: float,
    most_bytes: int,
    hold: Callable[[int], None] = lambda size: None,
) -> SideAnswer:
    """Send a request through the layers of `handler` and the hop, and read its answer; see SendsAside."""
    try:
        async with asyncio.timeout(within_s) as limit:
            answer = await begin_aside(client, exchange, method, body, handler)
            return await _read(answer, most_bytes, hold)
    except TimeoutError:
        if not limit.expired():
            raise
        raise UpstreamTimeout(f"no whole answer within {within_s:g} s") from None
    finally:
        exchange.release()


async def _read(
    response: web.StreamResponse, most_bytes: int, hold: Callable[[int], None]
) -> SideAnswer:
    if not isinstance(response, Answer):
        return _own(response, most_bytes)
    if response.status == SWITCHING_PROTOCOLS:
        raise UpstreamInvalid("the instance switched protocols, which was not asked for")
    head, is_event_stream = response.head, response.is_event_stream
    body = None
    if not is_event_stream:
        # As a body that is changed, since layers may have added readers, which get what is read here.
        body = await _body(response.body_for_change(), head.length, most_bytes, hold)
    fields = _fields(response)
    return SideAnswer(head.status, fields, body or b"", body is not None, is_event_stream)


def _fields(answer: Answer) -> Sequence[FieldLine]:
    """The fields of the instance or of a kept answer, and those that layers have added, such as Age."""
    if not answer.added and not answer.headers:
        return answer.head.fields
    added = [line.partition(b": ") for line in answer.added.split(b"\r\n")[:-1]]
    own = [
        *((name, value) for name, _, value in added),
        *((name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()),
    ]
    replaced = {name.lower() for name, _ in own} - _LISTS
    return [*(line for line in answer.head.fields if line[0].lower() not in replaced), *own]


async def _body(
    source: AnswerBody, length: int | None, most_bytes: int, hold: Callable[[int], None]
) -> bytes | None:
    """All of a body; None: it is longer than allowed, and is read no further."""
    if source.is_complete():
        body = source.rest()
        if len(body) > most_bytes:
            return None
        hold(len(body))
        return body
    if length is not None and length > most_bytes:
        return None
    pieces: list[bytes] = []
    read = 0
    while piece := await source.read():
        read += len(piece)
        if read > most_bytes:
            return None
        hold(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _own(response: web.StreamResponse, most_bytes: int) -> SideAnswer:
    """An answer that the gateway has made by itself."""
    fields = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.items()
    ]
    body = response.body if isinstance(response, web.Response) else None
    body = body if isinstance(body, bytes) else b""
    is_whole = isinstance(response, web.Response) and len(body) <= most_bytes
    return SideAnswer(response.status, fields, body if is_whole else b"", is_whole)
