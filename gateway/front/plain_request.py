"""aiohttp's request around a head that was read here; aiohttp makes its parts when they are asked for."""

import asyncio
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.http import StreamWriter
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from gateway.front.plain_heads import MOST_BYTES, MOST_FIELDS, PlainHead
from middlewares.header_section import HeaderSection


class _Part:
    """An attribute that aiohttp's request has. The first that is asked for makes all of them.

    A `__getattr__` would make every other attribute four times as slow on CPython 3.11.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, request: "PlainRequest", _owner: type | None = None) -> Any:
        request.complete()
        return vars(request)[self._name]


class PlainRequest(web.Request):
    """What the layers and the hop ask of each request is here; aiohttp's rest is made when it is asked for."""

    #: In development mode aiohttp warns of other attributes.
    ATTRS = web.Request.ATTRS | {
        *("head", "method", "raw_path", "keep_alive", "remote", "scheme"),
        *("is_complete", "_own_writer", "_sent_bytes"),
    }

    # aiohttp's are properties.
    method = ""
    raw_path = ""
    remote: str | None = None
    scheme = ""
    keep_alive = True
    version = HttpVersion11
    #: Whether aiohttp's parts are made.
    is_complete = False
    _sent_bytes = 0
    _own_writer: StreamWriter | None = None

    def __init__(
        self,
        head: PlainHead,
        client: web.RequestHandler,
        loop: asyncio.AbstractEventLoop,
        peer: str | None,
        scheme: str,
    ) -> None:
        # The parent's __init__ follows in `complete`, if at all.
        self.head = head
        self.method = head.method
        self.raw_path = head.target
        self.keep_alive = head.keep_alive
        self.remote = peer
        self.scheme = scheme
        self._protocol = client
        self._loop = loop
        self._state: dict[Any, Any] = {}

    @property
    def writer(self) -> StreamWriter:
        if self._own_writer is None:
            self._own_writer = StreamWriter(self._protocol, self._loop)
            self._own_writer.output_size = self._sent_bytes
        return self._own_writer

    def send(self, data: bytes) -> None:
        """Send bytes of the answer past the writer. Raises ConnectionError if the client is gone."""
        transport = self._protocol.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.write(data)
        if self._own_writer is None:
            self._sent_bytes += len(data)
        else:
            self._own_writer.output_size += len(data)

    def complete(self) -> None:
        """Make aiohttp's parts."""
        self.is_complete = True
        parser = HttpRequestParser(
            self._protocol,
            self._loop,
            len(self.head.body),
            max_line_size=MOST_BYTES,
            max_field_size=MOST_BYTES,
            max_headers=MOST_FIELDS,
            auto_decompress=False,
        )
        messages, _, _ = parser.feed_data(self.head.data)
        super().__init__(
            messages[0][0],
            self._body(),
            self._protocol,
            self.writer,
            asyncio.current_task(self._loop),  # type: ignore[arg-type]  # a layer asks, in a task
            self._loop,
            state=self._state,
        )

    def _body(self) -> StreamReader:
        if not self.head.body:
            return EMPTY_PAYLOAD
        # With less room it would pause the connection, which has no more of this body.
        payload = StreamReader(self._protocol, len(self.head.body), loop=self._loop)
        payload.feed_data(self.head.body)
        payload.feed_eof()
        return payload


for _name in (
    *("_cache", "_client_max_fields", "_client_max_size", "_headers", "_message", "_method"),
    *("_payload", "_payload_writer", "_rel_url", "_task", "_version"),
    *("_transport_peername", "_transport_sockname", "_transport_sslcontext"),
):
    setattr(PlainRequest, _name, _Part(_name))


def section_of(request: web.Request) -> HeaderSection:
    """The request's header section, which the reader of a plain head has made already."""
    return request.head if isinstance(request, PlainRequest) else HeaderSection(request.raw_headers)
