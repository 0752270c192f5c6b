"""Server-Sent Events: the format's lines, and the answer that carries them."""

from typing import Any

import orjson
from aiohttp import web

from middlewares.exchange import EXCHANGE


def event_bytes(event: str, data: Any, event_id: str) -> bytes:
    """One event; JSON has no line breaks, so its data fit one line."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        event_id.encode(),
        event.encode(),
        orjson.dumps(data),
    )


#: A comment, which clients ignore; it keeps proxies from closing a silent stream.
KEEP_ALIVE = b": keep-alive\n\n"


async def open_event_stream(request: web.Request) -> web.StreamResponse:
    """Send the head of the answer; the caller writes events to it, then `write_eof`."""
    response = web.StreamResponse(headers={"Cache-Control": "no-cache"})
    response.content_type = "text/event-stream"
    response.charset = "utf-8"
    request[EXCHANGE].stream = "event_stream"
    await response.prepare(request)
    return response
