"""One client connection: aiohttp's, but with a task for each request and our own refusals and ends."""

import asyncio
from functools import partial
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.http import StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import PayloadAccessError, _ErrInfo

from gateway.front.answer import Answer
from gateway.front.client_room import ClientRoom
from gateway.front.half_closed import QUESTION, HalfClosed
from gateway.front.reading import MOST_QUEUED, RequestMemory, RequestReader
from gateway.front.refusing import Refuse, failure_of, in_place_of, refuse_last
from gateway.front.request_body import throw_away
from gateway.front.tunnel import Tunnel
from gateway.upstream.sockets import readable

#: Idle client connections are closed after this time, which also limits a slow request head.
KEEPALIVE_TIMEOUT_S = 75.0
#: For aiohttp 0 means to wait for ever.
CUT_OFF_WITHIN_S = 0.01


class GatewayRequestHandler(web.RequestHandler):
    """One client connection; aiohttp's own refusals look like the gateway's other refusals.

    Each request has a task, and an idle connection has none: aiohttp's task per connection would keep
    everything of the last request while it waits for the next.
    """

    __slots__ = (
        "_closing",
        "_half_closed",
        "_idle_since_s",
        "_reader",
        "_refuse",
        "_room",
        "_tunnel",
        "_unsent",
        "is_surplus",
        "passes_on",
    )

    def __init__(
        self,
        *args: Any,
        refuse: Refuse,
        room: ClientRoom,
        met: RequestMemory,
        max_line_size: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, max_line_size=max_line_size, **kwargs)
        self._room = room
        self._refuse = refuse
        #: There is no room for this client: it gets one answer, which is a refusal except for own paths.
        self.is_surplus = False
        self._reader = RequestReader(self._parser, max_line_size, met)
        self._parser = self._reader  # type: ignore[assignment]  # it has the parser's interface
        self._max_msg_queue_size = MOST_QUEUED
        self._msg_queue_resume_size = MOST_QUEUED // 2
        self._idle_since_s = self._loop.time()
        #: Bytes that an idle client had not read at the last look.
        self._unsent = 0
        #: Until this timer ends, incoming bytes are thrown away.
        self._closing: asyncio.TimerHandle | None = None
        #: Set once the client has sent its FIN.
        self._half_closed: HalfClosed | None = None
        self._tunnel: Tunnel | None = None
        #: The current answer, if it is sent in pieces.
        self.passes_on: Answer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.is_surplus = self._room.is_surplus(self, transport)

    def joins(self, tunnel: Tunnel) -> None:
        """Give all further bytes of the client to the tunnel, including those that came with the request."""
        self._tunnel = tunnel
        if self.writing_paused:
            tunnel.client_paused(True)
        if self._half_closed is not None:
            self._half_closed.stop()
            tunnel.client_finished()
        self.set_parser(tunnel)  # type: ignore[arg-type]  # feed_data and feed_eof are all it calls

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
        if self._reader.is_in_body:
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
        for piece in self._reader.pieces(data):
            super().data_received(piece)
        if self._messages and isinstance(last := self._messages[-1][0], _ErrInfo):
            last.exc.__traceback__ = None  # its frames refer to this connection
        if self._reader.is_full and not self._buffer_paused:
            self._pause_reading_for_buffer()
        if self._messages and self._is_idle:
            self._begin_next()

    def _resume_reading_for_buffer(self) -> None:
        if not self._reader.is_full:
            super()._resume_reading_for_buffer()

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered; one may be half read."""
        return self._task_handler is None or self._task_handler.done()

    def _begin_next(self) -> None:
        """Start a task for the next request."""
        self._task_handler = self._loop.create_task(self.start()) if self._messages else None

    async def start(self) -> None:
        """Answer one request; aiohttp also calls it for each new connection, before any request."""
        if self._force_close or not self._messages:
            return
        message, payload = self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        goes_on = await self._answer(message, payload)
        self._idle_since_s = self._loop.time()
        if goes_on and (self._messages or self._half_closed is None):
            self._begin_next()
        elif not self._force_close:
            self._task_handler = None
            if self._reader.is_broken:
                self._close_slowly()
            elif self.transport is not None:
                self.transport.close()

    def _close_slowly(self) -> None:
        """End our side, and throw away what a client still sends after a refusal in the middle.

        A close with unread bytes would reset the connection, and the client would lose the refusal.
        """
        transport = self.transport
        if transport is None:
            return
        if self._half_closed is not None or not transport.can_write_eof():
            transport.close()
            return
        self._close = True  # nothing that comes from here on is kept
        transport.write_eof()
        self._closing = self._loop.call_later(self._lingering_time, self.abort)
        self._resume_transport_reading()

    async def _answer(self, message: Any, payload: StreamReader) -> bool:
        """Answer a request; return whether another may follow on the connection."""
        manager, handler, factory = self._manager, self._request_handler, self._request_factory
        if manager is None or handler is None or factory is None or self._task_handler is None:
            return False  # the connection was lost before
        manager.requests_count += 1
        if isinstance(message, _ErrInfo):
            handler = partial(refuse_last, refuse=self._refuse, error=failure_of(message.exc))
            message = in_place_of(self._reader.refused)
        elif self.is_surplus:
            handler = partial(self._room.answer_last, refuse=self._refuse, handler=handler)
        request = factory(
            message, payload, self, StreamWriter(self, self._loop), self._task_handler
        )
        try:
            response, client_is_gone = await self._handle_request(request, None, handler)
            if client_is_gone:
                return False
            self._keepalive = bool(response.keep_alive)
            if not payload.is_eof():
                await self._linger(payload)
            if payload is not EMPTY_PAYLOAD:
                payload.set_exception(PayloadAccessError())  # for readers after the answer
            if self.writing_paused and self._keepalive:
                await self._read_by_client()
        except ConnectionError:
            return False
        except Exception as error:  # noqa: BLE001  # whatever it was, the connection ends
            self.log_exception("Unhandled exception", exc_info=error)
            self.force_close()
        except BaseException:
            self.force_close()
            raise
        finally:
            request._task = None  # type: ignore[assignment]  # the two would hold each other
        return self._keepalive and not self._close and not self._force_close

    async def _handle_request(
        self, request: Any, start_time: float | None, request_handler: Any
    ) -> tuple[web.StreamResponse, bool]:
        """Get the answer to a request; a failure outside of the layers is answered like one inside."""
        self._request_in_progress = True
        self._current_request = request
        try:
            try:
                response = await request_handler(request)
            except ConnectionError:
                raise
            except web.HTTPException as refusal:
                request._version = HttpVersion11  # else the answer has the refused version
                response = await self._refuse(request, refusal)
            except Exception as error:  # noqa: BLE001  # the layers know what to make of it
                response = await refuse_last(request, self._refuse, error)
            finally:
                self._current_request = None
            return await self.finish_response(request, response, start_time)
        finally:
            self._request_in_progress = False
            if self._handler_waiter is not None:
                self._handler_waiter.set_result(None)

    async def _linger(self, payload: StreamReader) -> None:
        """Read the unread rest of a body, because a client may not read its answer while it still sends."""
        if self._lingering_time and not self._force_close:
            await throw_away(payload, self._lingering_time)
        if not payload.is_eof() and not self._force_close:
            self.close()

    async def _read_by_client(self) -> None:
        """Wait until the client has read most of its answer, so that answers do not pile up."""
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT_S):
                await self._drain_helper()
        except TimeoutError:
            self.abort()

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

    def abort(self) -> None:
        """Close it without waiting until the client has read its answer."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing for a body that breaks off while it is thrown away after an early answer."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer of our own; the layers have already delivered or aborted an instance's."""
        self._go_on_after_upgrade()
        if isinstance(resp, Answer):
            return resp, False
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT_S):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:  # the client reads nothing
            self.abort()
            return resp, True

    def _go_on_after_upgrade(self) -> None:
        """Read what follows a declined upgrade, as aiohttp does, but in pieces."""
        if self._upgraded and not self._messages and self._payload_parser is None:
            behind, self._message_tail = self._message_tail, b""
            self._upgraded = False
            self._reader.set_upgraded(False)
            self.data_received(behind)
            if self._buffer_paused:
                self._resume_reading_if_drained()
