"""The HTTP server under the application: aiohttp's, with our refusals and our way of stopping."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import ERROR, PayloadAccessError, _ErrInfo

from gateway.front.client_room import ClientRoom
from gateway.front.half_closed import (
    ANSWERS_WITHIN_S,
    LOOK_EVERY_S,
    QUESTION,
    have_kernel_ask,
    was_reset,
)
from gateway.front.proxied_resource import Answer, ProxiedResource
from gateway.front.reading import MOST_QUEUED, RequestReader
from gateway.front.relayed_response import RelayedResponse
from gateway.front.tunnel import Tunnel
from gateway.machine.descriptors import Descriptors
from gateway.upstream.sockets import readable
from middlewares.exchange import Exchange
from middlewares.failures import OutOfResources
from middlewares.header_section import HeaderSection
from middlewares.problems import REASONS_BY_STATUS, Problem, problem_of, problem_response
from middlewares.routing.deciding import split_target
from middlewares.telemetry.correlation_ids import HEADER, correlation_id_from
from middlewares.telemetry.layer import access_fields
from middlewares.telemetry.metrics import GatewayMetrics, RequestMetrics

#: Idle client connections are closed after so long; it is also the limit for a slow request head.
KEEPALIVE_TIMEOUT_S = 75.0
#: The same for a client that there is no room for.
SURPLUS_IDLE_S = 1.0
SWEEP_EVERY_S = 1.0
#: For aiohttp 0 means to wait for ever.
CUT_OFF_WITHIN_S = 0.01
#: Fields of a request: bytes bound them too, but each costs more than its bytes.
MAX_FIELDS = 256

SERVER = "lockgate"

_log = structlog.get_logger()


class GatewayRequestHandler(web.RequestHandler):
    """One client connection; what aiohttp itself refuses looks like the gateway's other refusals.

    A request has a task, an idle connection has none: aiohttp's own task per connection would wait
    for the next request with everything in hand that the last one left behind.
    """

    __slots__ = (
        "_closing",
        "_idle_since_s",
        "_looking",
        "_metrics",
        "_reader",
        "_room",
        "_tunnel",
        "_unsent",
        "is_surplus",
        "passes_on",
    )

    def __init__(
        self,
        *args: Any,
        metrics: RequestMetrics,
        room: ClientRoom,
        max_line_size: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, max_line_size=max_line_size, **kwargs)
        self._room = room
        #: There is no room for it: one answer, which is a refusal unless it is the gateway's own.
        self.is_surplus = False
        self._reader = RequestReader(self._parser, max_line_size)
        self._parser = self._reader  # type: ignore[assignment]  # it has the parser's interface
        self._max_msg_queue_size = MOST_QUEUED
        self._msg_queue_resume_size = MOST_QUEUED // 2
        self._metrics = metrics
        self._idle_since_s = self._loop.time()
        #: Bytes that an idle client had not read when it was last looked at.
        self._unsent = 0
        #: What it still sends is thrown away until then.
        self._closing: asyncio.TimerHandle | None = None
        #: The client sends no more, and it is looked now and then whether it is still there.
        self._looking: asyncio.TimerHandle | None = None
        self._tunnel: Tunnel | None = None
        #: The answer that is under way, where it comes in pieces.
        self.passes_on: RelayedResponse | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.is_surplus = self._room.is_surplus(self, transport)

    def joins(self, tunnel: Tunnel) -> None:
        """Tell the tunnel of the client's FIN, and of a write buffer that is full."""
        self._tunnel = tunnel
        if self.writing_paused:
            tunnel.client_paused(True)
        if self._looking is not None:
            tunnel.client_finished()

    @property
    def is_long_lived(self) -> bool:
        """A tunnel or an event stream: TUNNEL_GRACE is for it, not SHUTDOWN_GRACE."""
        streams = self.passes_on is not None and self.passes_on.is_event_stream
        return streams or self._tunnel is not None

    @property
    def state(self) -> str:
        """`stream` for a tunnel or an event stream, `active` while a request is answered, else `idle`."""
        if self.is_long_lived:
            return "stream"
        return "idle" if self._is_idle else "active"

    async def end(self) -> None:
        """End it now: a tunnel by a FIN both ways, anything else by breaking off."""
        if self._tunnel is not None:
            self._tunnel.end()
        else:
            await self.shutdown(CUT_OFF_WITHIN_S)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own is bool | None
        """What was asked before the client's FIN is answered; then the connection ends (RFC 9112 §9.6).

        A tunnel passes it on and stays open the other way. Who leaves in the middle of the body of
        the request that is being answered has left; a half one behind it is dropped.
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
        have_kernel_ask(self.transport)
        self._looking = self._loop.call_later(LOOK_EVERY_S, self._look, False)
        return True

    def _look(self, asked: bool) -> None:
        """End it where the client is gone altogether: nobody shall work for it."""
        transport, request = self.transport, self._current_request
        if transport is None or self._tunnel is not None:
            return
        if was_reset(transport):
            self._abort()
            return
        next_s = LOOK_EVERY_S
        if not asked and request is not None and request.version >= HttpVersion11:
            asked, next_s = True, ANSWERS_WITHIN_S
            if not request.writer.output_size:
                transport.write(QUESTION)
            elif self.passes_on is not None:
                self.passes_on.ask()
        self._looking = self._loop.call_later(next_s, self._look, asked)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._tunnel is not None:
            self._tunnel.client_paused(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._tunnel is not None:
            self._tunnel.client_paused(False)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave nothing that refers back here: the collector comes seldom, and clients are many."""
        super().connection_lost(exc)
        for timer in (self._closing, self._looking):
            if timer is not None:
                timer.cancel()
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
            last.exc.__traceback__ = None  # its frames have this connection in hand
        if self._reader.is_full and not self._buffer_paused:
            self._pause_reading_for_buffer()
        if self._messages and self._is_idle:
            self._begin_next()

    def _resume_reading_for_buffer(self) -> None:
        if not self._reader.is_full:
            super()._resume_reading_for_buffer()

    @property
    def _is_idle(self) -> bool:
        """No request is being answered, though one may be half read."""
        return self._task_handler is None or self._task_handler.done()

    def _begin_next(self) -> None:
        """A task of its own for the next request."""
        self._task_handler = self._loop.create_task(self.start()) if self._messages else None

    async def start(self) -> None:
        """Answer one request; aiohttp calls it for each new connection too, when there is none yet."""
        if self._force_close or not self._messages:
            return
        message, payload = self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        goes_on = await self._answer(message, payload)
        self._idle_since_s = self._loop.time()
        if goes_on and (self._messages or self._looking is None):
            self._begin_next()
        elif not self._force_close:
            self._task_handler = None
            if self._reader.is_broken:
                self._close_slowly()
            elif self.transport is not None:
                self.transport.close()

    def _close_slowly(self) -> None:
        """Say that it is over, and take what a client still sends that was refused in the middle.

        Closed at once, with bytes unread, the connection would be reset, and the refusal lost with it.
        """
        transport = self.transport
        if transport is None:
            return
        if self._looking is not None or not transport.can_write_eof():
            transport.close()
            return
        self._close = True  # from here on nothing that comes is kept
        transport.write_eof()
        self._closing = self._loop.call_later(self._lingering_time, self._abort)
        self._resume_transport_reading()

    async def _answer(self, message: Any, payload: StreamReader) -> bool:
        """Answer it, and tell whether another may follow on the connection."""
        manager, handler, factory = self._manager, self._request_handler, self._request_factory
        if manager is None or handler is None or factory is None or self._task_handler is None:
            return False  # the connection was lost before
        manager.requests_count += 1
        if isinstance(message, _ErrInfo):
            handler, message = self._make_error_handler(message), _refused(self._reader)
        elif self.is_surplus:
            handler = partial(self._answer_last, handler)
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
                payload.set_exception(PayloadAccessError())  # for whoever reads it after the answer
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

    async def _answer_last(self, otherwise: Answer, request: Any) -> web.StreamResponse:
        """Refuse a client for which there is no room, but answer for the gateway itself."""
        if self._room.refuses(split_target(request.raw_path)[1]):
            self._room.refused()
            failure = OutOfResources("the gateway has as many clients as it can take")
            response: web.StreamResponse = self._refuse(
                request, problem_of(failure), failure.detail, request.method
            )
            response.headers["Retry-After"] = str(failure.retry_after_s)
        else:
            response = await otherwise(request)
        response.force_close()
        return response

    async def _linger(self, payload: StreamReader) -> None:
        """Take what nobody read of a body: a client that still sends may not see its answer."""
        if self._lingering_time and not self._force_close:
            # Who sent it on was cancelled by an early answer, and lets go of it now.
            await asyncio.sleep(0)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lingering_time):
                    while not payload.is_eof():
                        await payload.readany()
        if not payload.is_eof() and not self._force_close:
            self.close()

    async def _read_by_client(self) -> None:
        """Wait until the client has read most of its answer: the next shall not pile up behind it."""
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT_S):
                await self._drain_helper()
        except TimeoutError:
            self._abort()

    def end_if_idle_since(self, then_s: float) -> None:
        """End the connection where no request is under way, and none was after this loop time.

        A client that has yet to read its answer gets as long again, and again if it has read of it.
        """
        if self._idle_since_s > then_s or not self._is_idle:
            return
        unsent = self.transport.get_write_buffer_size() if self.transport is not None else 0
        if not unsent:
            self.force_close()
        elif unsent != self._unsent:
            self._unsent, self._idle_since_s = unsent, self._loop.time()
        else:
            self._abort()

    def make_way(self) -> bool:
        """End the connection where no request is under way or has come; False where one is."""
        sock = self.transport.get_extra_info("socket") if self.transport is not None else None
        is_asking = self._messages or self._current_request is not None
        if is_asking or (sock is not None and readable(sock)()):
            return False
        self._abort()
        return True

    def _abort(self) -> None:
        """Close it without waiting for the client to read what it was sent."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """A body that goes wrong while it is thrown away, after an early answer, is no error of ours."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer for what never reached the layers: requests that are not HTTP."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        problem, detail = _refusal(status, exc)
        if problem.status >= 500:
            _log.error("request.failed", exc_info=exc)
        response = self._refuse(request, problem, detail)
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """What aiohttp's application refuses before it comes to the layers looks no different."""
        if isinstance(resp, RelayedResponse):  # all of it is out, or it was broken off
            self._go_on_after_upgrade()
            return resp, False
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            problem = Problem(resp.status, REASONS_BY_STATUS.get(resp.status, "bad_request"))
            resp = self._refuse(request, problem, resp.reason)
        self._go_on_after_upgrade()
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT_S):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:  # the client reads nothing
            self._abort()
            return resp, True

    def _go_on_after_upgrade(self) -> None:
        """Read what stands behind a declined upgrade, as aiohttp does, but in pieces."""
        if self._upgraded and not self._messages and self._payload_parser is None:
            behind, self._message_tail = self._message_tail, b""
            self._upgraded = False
            self._reader.set_upgraded(False)
            self.data_received(behind)
            if self._buffer_paused:
                self._resume_reading_if_drained()

    def _refuse(
        self, request: web.BaseRequest, problem: Problem, detail: str, method: str = "unknown"
    ) -> web.Response:
        request._version = HttpVersion11  # aiohttp would answer in the version of what is refused
        path = split_target(request.raw_path)[1].partition("?")[0]
        exchange = Exchange(
            correlation_id_from(None),
            time.monotonic(),
            request.remote or "",
            HeaderSection(()),
            None,
            path,
            path,
        )
        exchange.reason = problem.reason
        self._metrics.request_finished("api_gateway", method, problem.status, 0.0)
        _log.info("request", **access_fields(request, exchange, problem.status, 0.0))
        return problem_response(
            problem,
            detail,
            exchange.correlation_id,
            {HEADER: exchange.correlation_id, "Server": SERVER},
        )


class GatewayServer(web.Server):
    """aiohttp's server, but stopping closes no connection that a client may just be using."""

    def __init__(
        self, *args: Any, metrics: RequestMetrics, room: ClientRoom, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._metrics = metrics
        self._room = room
        self._sweep = self._loop.call_later(SWEEP_EVERY_S, self._end_idle)

    def _end_idle(self) -> None:
        """One timer for all connections: one for each costs more than the connection's own state."""
        self._sweep = self._loop.call_later(SWEEP_EVERY_S, self._end_idle)
        now_s = self._loop.time()
        for client in self.clients():
            idle_s = SURPLUS_IDLE_S if client.is_surplus else KEEPALIVE_TIMEOUT_S
            client.end_if_idle_since(now_s - idle_s)

    async def shutdown(self, timeout: float | None = None) -> None:
        self._sweep.cancel()
        await super().shutdown(timeout)

    def pre_shutdown(self) -> None:
        """Close nothing: idle clients are told `Connection: close` with their next answer."""

    def clients(self) -> list[GatewayRequestHandler]:
        """The open client connections."""
        return [one for one in self.connections if isinstance(one, GatewayRequestHandler)]

    def states(self) -> Counter[str]:
        """How many of them are in which state; each state is there, with 0 too."""
        counts = Counter({"idle": 0, "active": 0, "stream": 0})
        counts.update(client.state for client in self.clients())
        return counts

    async def end(self, clients: Iterable[GatewayRequestHandler]) -> None:
        """End these connections now."""
        await asyncio.gather(*(client.end() for client in clients))

    def __call__(self) -> GatewayRequestHandler:
        return GatewayRequestHandler(
            self, loop=self._loop, metrics=self._metrics, room=self._room, **self._kwargs
        )


class GatewayRunner(web.AppRunner):
    """Runs the application on a GatewayServer."""

    __slots__ = ("_descriptors", "_metrics", "gateway_server")

    def __init__(
        self,
        app: web.Application,
        *,
        metrics: GatewayMetrics,
        descriptors: Descriptors,
        head_bytes: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
            keepalive_timeout=0,  # aiohttp's is a timer for each connection
            max_line_size=head_bytes,
            max_field_size=head_bytes,
            max_headers=MAX_FIELDS,
            **kwargs,
        )
        self._metrics = metrics
        self._descriptors = descriptors

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        proxied = next(
            one for one in self.app.router.resources() if isinstance(one, ProxiedResource)
        )
        self.gateway_server = GatewayServer(
            _proxied_first(self.app, proxied, made.request_handler),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            metrics=self._metrics,
            room=ClientRoom(self._descriptors, proxied.covers),
            **made._kwargs,
        )
        self._metrics.client_connections = self.gateway_server.states
        return self.gateway_server


def _proxied_first(app: web.Application, proxied: ProxiedResource, otherwise: Answer) -> Answer:
    """Hand what is proxied to its resource, everything else to the application's own handler."""
    straight = proxied.straight(app)
    covers = proxied.covers

    def handle(request: web.Request) -> Awaitable[web.StreamResponse]:
        if not request.headers.get("Expect", "").isascii():
            raise web.HTTPExpectationFailed  # aiohttp's own would repeat it, and can't
        # CONNECT asks for a tunnel to an authority: the application finds none.
        is_proxied = covers(request.raw_path) and request.method != "CONNECT"
        return (straight if is_proxied else otherwise)(request)

    return handle


def hand_over(client: web.RequestHandler, tunnel: Tunnel) -> None:
    """From now on the client's bytes are the tunnel's, beginning with those that came along."""
    if isinstance(client, GatewayRequestHandler):  # under aiohttp's own test server it is not
        client.joins(tunnel)
    client.set_parser(tunnel)  # type: ignore[arg-type]  # feed_data and feed_eof are all it calls


@contextmanager
def streaming(request: web.BaseRequest, response: RelayedResponse) -> Iterator[None]:
    """Tell the client's connection which answer it is that is passed on in pieces."""
    client = request.protocol
    if not isinstance(client, GatewayRequestHandler):  # under aiohttp's own test server
        yield
        return
    client.passes_on = response
    try:
        yield
    finally:
        client.passes_on = None


def _refused(reader: RequestReader) -> Any:
    """What aiohttp puts in place of a request that is refused, with what was read of that one."""
    read = reader.refused
    return ERROR if read is None else ERROR._replace(method=read[0], path=read[1])


def _refusal(status: int, exc: BaseException | None) -> tuple[Problem, str]:
    if isinstance(exc, LineTooLong) or "Too many headers" in str(exc):
        return Problem(
            431, "header_too_large"
        ), "the request line or the header section is too large"
    if isinstance(exc, HttpProcessingError) or status == 400:
        return Problem(400, "bad_request"), "the request is not valid HTTP"
    if status == 504:
        return Problem(504, "upstream_timeout"), "no answer came in time"
    return Problem(500, "internal_error"), "an unexpected error occurred"
