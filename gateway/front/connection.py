"""One client connection: aiohttp's, but with our own reading, and our own ends."""

import asyncio
from typing import Any, cast

from aiohttp import HttpVersion11, web
from aiohttp.http_parser import HttpRequestParser
from aiohttp.tcp_helpers import tcp_keepalive
from aiohttp.web_protocol import _ErrInfo

from gateway.front.answer import Answer
from gateway.front.answering import Answering
from gateway.front.client_room import ClientRoom
from gateway.front.half_closed import QUESTION, HalfClosed
from gateway.front.message_queue import MessageQueue
from gateway.front.plain_heads import PlainRequests
from gateway.front.reading import MOST_QUEUED, RequestReader
from gateway.front.refusing import Refuse
from gateway.front.tunnel import Tunnel
from gateway.upstream.sockets import readable

#: A client is slow once the kernel leaves more than this to be sent later; asyncio would wait for 64 KiB.
MOST_UNSENT_BYTES = 4 * 1024
#: For aiohttp 0 means to wait for ever.
CUT_OFF_WITHIN_S = 0.01


class GatewayRequestHandler(Answering):
    """One client connection; aiohttp's own refusals look like the gateway's other refusals."""

    __slots__ = ("_peer_trusted", "_plain", "_tunnel", "_unsent", "passes_on")

    def __init__(
        self,
        *args: Any,
        refuse: Refuse,
        room: ClientRoom,
        plain: PlainRequests,
        max_line_size: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, max_line_size=max_line_size, **kwargs)
        self._parser = self._reader = None
        self._room = room
        self._refuse = refuse
        self._plain = plain
        self._peer_trusted = False
        self.is_surplus = False
        self._messages = MessageQueue()  # type: ignore[assignment]
        self._max_msg_queue_size = MOST_QUEUED
        self._msg_queue_resume_size = MOST_QUEUED // 2
        self._idle_since_s = self._loop.time()
        self._peer, self._scheme = None, ""
        #: Bytes that an idle client had not read at the last look.
        self._unsent = 0
        self._closing = None
        self._half_closed = None
        self._tunnel: Tunnel | None = None
        #: The current answer, if it is sent in pieces.
        self.passes_on: Answer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # aiohttp's own also starts a task that finds no request; a first request would wait for it.
        super(web.RequestHandler, self).connection_made(transport)
        tcp_keepalive(cast("asyncio.Transport", transport))
        if self._manager is not None:
            self._manager.connection_made(self, cast("asyncio.Transport", transport))
        transport.set_write_buffer_limits(high=MOST_UNSENT_BYTES)  # type: ignore[attr-defined]
        peer = self.peername
        if peer is not None:  # a Unix socket's peer has a path, or bytes as its name
            self._peer = str(peer[0] if isinstance(peer, list | tuple) else peer)
        self._peer_trusted = self._plain.trusts(self._peer or "")
        self._scheme = "https" if self.ssl_context else "http"
        self._cache.clear()  # an idle connection needs neither again
        self.is_surplus = self._room.is_surplus(self, transport)

    def joins(self, tunnel: Tunnel) -> None:
        """Give all further bytes of the client to the tunnel, including those that came with the request."""
        self._tunnel = tunnel
        if self.writing_paused:
            tunnel.client_paused(True)
        if self._buffer_paused:  # before the tunnel can pause the client, which must not be undone
            self._resume_reading_for_buffer()
        self.set_parser(tunnel)  # type: ignore[arg-type]  # feed_data and feed_eof are all it calls
        if self._half_closed is not None:
            self._half_closed.stop()
            tunnel.client_finished()

    @property
    def is_long_lived(self) -> bool:
        """Whether it is a tunnel or an event stream, which has TUNNEL_GRACE instead of SHUTDOWN_GRACE."""
        streams = self.passes_on is not None and self.passes_on.is_event_stream
        return streams or self._tunnel is not None

    @property
    def state(self) -> str:
        """`stream` for a tunnel or an event stream, `active` while a request is answered, else `idle`."""
        if self.is_long_lived:
            return "stream"
        return "idle" if self._is_idle else "active"

    async def end(self) -> None:
        """End it now: a tunnel with a FIN in both directions, anything else by an abort."""
        if self._tunnel is not None:
            self._tunnel.end()
        else:
            await self.shutdown(CUT_OFF_WITHIN_S)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own is bool | None
        """Answer what the client asked before its FIN, and then end the connection (RFC 9112 §9.6).

        A tunnel passes the FIN on and stays open in the other direction. A FIN in the body of the current
        request means that the client has left. An incomplete request after it is dropped.
        """
        if self._tunnel is not None:
            self._tunnel.client_finished()
            return True
        if self._reader is not None and self._reader.is_in_body:
            if not self._messages:
                return False
            self._messages.pop()
        if self.transport is None or self._is_idle:
            return False
        self._half_closed = HalfClosed(self, self.transport, self._loop)
        return True

    @property
    def is_half_closed(self) -> bool:
        """Whether the client has sent its FIN and still gets an answer."""
        return self._half_closed is not None

    @property
    def answers(self) -> int:
        """A number for the request that is being answered; the next one has another."""
        return len(self._messages)

    def ask(self) -> bool:
        """Probe for a client that is gone, whose reset comes back; False if the answer has no place for it."""
        transport, request = self.transport, self._current_request
        if transport is None or request is None or request.version < HttpVersion11:
            return False
        if not request.writer.output_size:
            transport.write(QUESTION)
        elif self.passes_on is not None:
            self.passes_on.ask()
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._tunnel is not None:
            self._tunnel.client_paused(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._tunnel is not None:
            self._tunnel.client_paused(False)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Break all reference cycles: there are many clients, and the garbage collector runs seldom."""
        super().connection_lost(exc)
        if self._closing is not None:
            self._closing.cancel()
        if self._half_closed is not None:
            self._half_closed.stop()
        if self._reader is not None:
            self._reader.close()
        self._messages.clear()
        self._tunnel = None
        if self.is_surplus:
            self._room.left(self)

    def data_received(self, data: bytes) -> None:
        if self._force_close or self._close:
            return
        if self._upgraded or self._payload_parser is not None:
            super().data_received(data)
            return
        reader = self._reader
        if reader is None:
            if self._task_handler is None and not self.is_surplus:
                head = self._plain.read(data, trusted=self._peer_trusted)
                if head is not None:
                    self._begin_plain(head)
                    return
            reader = self._make_reader()
        for piece in reader.pieces(data):
            super().data_received(piece)
        if self._messages and isinstance(last := self._messages[-1][0], _ErrInfo):
            last.exc.__traceback__ = None  # its frames refer to this connection
        if reader.is_full and not self._buffer_paused:
            self._pause_reading_for_buffer()
        if self._messages and self._is_idle:
            self._begin_next()

    def _make_reader(self) -> RequestReader:
        """Make a reader around the parser that aiohttp would have made at first."""
        parser = HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=2 * MOST_QUEUED,
        )
        self._reader = reader = RequestReader(parser, self.max_line_size)
        self._parser = reader  # type: ignore[assignment]  # it has the parser's interface
        return reader

    def _resume_reading_for_buffer(self) -> None:
        if self._reader is None or not self._reader.is_full:
            super()._resume_reading_for_buffer()

    def end_if_idle_since(self, then_s: float) -> None:
        """End the connection if it has been idle since this loop time.

        A client with an unread answer gets the same time again, and once more each time it reads some.
        """
        if self._idle_since_s > then_s or not self._is_idle:
            return
        unsent = self.transport.get_write_buffer_size() if self.transport is not None else 0
        if not unsent:
            self.force_close()
        elif unsent != self._unsent:
            self._unsent, self._idle_since_s = unsent, self._loop.time()
        else:
            self.abort()

    def make_way(self) -> bool:
        """End the connection if no request is in flight or has come; else return False."""
        sock = self.transport.get_extra_info("socket") if self.transport is not None else None
        is_asking = self._messages or self._current_request is not None
        if is_asking or (sock is not None and readable(sock)()):
            return False
        self.abort()
        return True
