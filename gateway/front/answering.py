"""Answers one connection's requests, one after the other, each in a task of its own."""

import asyncio
from functools import partial
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.http import StreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import ERROR, PayloadAccessError, _ErrInfo

from gateway.front.answer import Answer
from gateway.front.client_room import ClientRoom
from gateway.front.half_closed import HalfClosed
from gateway.front.plain_heads import PlainHead
from gateway.front.plain_request import PlainRequest
from gateway.front.reading import RequestReader
from gateway.front.refusing import Refuse, failure_of, refuse_last
from gateway.front.request_body import throw_away

#: Idle client connections are closed after this time, which also limits a slow request head.
KEEPALIVE_TIMEOUT_S = 75.0


class Answering(web.RequestHandler):
    """Takes the requests that have been read, and sends their answers.

    Each request has a task, and an idle connection has none: aiohttp's task per connection would keep
    everything of the last request while it waits for the next.
    """

    __slots__ = (
        *("_closing", "_half_closed", "_idle_since_s", "_peer", "_reader", "_refuse", "_room"),
        *("_scheme", "is_surplus"),
    )

    #: None while the connection rests: plain requests need no parser, and there are many idle clients.
    _reader: RequestReader | None
    _refuse: Refuse
    _room: ClientRoom
    _idle_since_s: float
    #: The client's address and the scheme, as aiohttp's request has them.
    _peer: str | None
    _scheme: str
    #: There is no room for this client: it gets one answer, which is a refusal except for own paths.
    is_surplus: bool
    #: Until this timer ends, incoming bytes are thrown away.
    _closing: asyncio.TimerHandle | None
    #: Set once the client has sent its FIN.
    _half_closed: HalfClosed | None

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered; one may be half read."""
        return self._task_handler is None or self._task_handler.done()

    def _begin_next(self) -> None:
        """Start a task for the next request; if there is none, the connection rests."""
        if self._messages:
            self._task_handler = self._loop.create_task(self.start())
            return
        self._task_handler = None
        if self._reader is not None and self._reader.is_at_rest:
            self._parser = self._reader = None

    def _begin_plain(self, head: PlainHead) -> None:
        """Start a task for a request that the parser has not seen."""
        request = PlainRequest(head, self, self._loop, self._peer, self._scheme)
        answering = self._answer(request, self._request_handler, EMPTY_PAYLOAD)
        self._task_handler = self._loop.create_task(answering)

    async def start(self) -> None:
        """Answer one request."""
        if self._force_close or not self._messages:
            return
        message, payload = self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        handler, factory = self._request_handler, self._request_factory
        if handler is None or factory is None or self._task_handler is None:
            return  # the connection was lost before
        if isinstance(message, _ErrInfo):
            handler = partial(refuse_last, refuse=self._refuse, error=failure_of(message.exc))
            message = in_place_of(self._reader.refused if self._reader is not None else None)
        elif self.is_surplus:
            handler = partial(self._room.answer_last, refuse=self._refuse, handler=handler)
        # A frame that held the task would be held by it, with the connection.
        request = factory(
            message, payload, self, StreamWriter(self, self._loop), self._task_handler
        )
        await self._answer(request, handler, payload)

    def _go_on(self, goes_on: bool) -> None:
        """Begin the next request, wait for it, or end the connection."""
        self._idle_since_s = self._loop.time()
        if goes_on and (self._messages or self._half_closed is None):
            self._begin_next()
        elif not self._force_close:
            self._task_handler = None
            if self._reader is not None and self._reader.is_broken:
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

    async def _answer(self, request: Any, handler: Any, payload: StreamReader) -> None:
        """Answer a request, and go on with the next; a failure outside the layers is answered like one inside."""
        self._request_in_progress = True
        self._current_request = request
        goes_on = False
        try:
            try:
                response = await handler(request)
            except ConnectionError:
                raise
            except web.HTTPException as refusal:
                request._version = HttpVersion11  # else the answer has the refused version
                response = await self._refuse(request, refusal)
            except Exception as error:  # noqa: BLE001  # the layers know what to make of it
                response = await refuse_last(request, self._refuse, error)
            finally:
                self._current_request = None
            if self._upgraded:
                self._go_on_after_upgrade()
            goes_on = isinstance(response, Answer) or await self._send(request, response)
            if goes_on:
                self._keepalive = bool(response.keep_alive)
                if payload is not EMPTY_PAYLOAD:
                    await self._linger(payload)
                if self._paused and self._keepalive:
                    await self._read_by_client()
        except ConnectionError:
            goes_on = False
        except Exception as error:  # noqa: BLE001  # whatever it was, the connection ends
            self.log_exception("Unhandled exception", exc_info=error)
            self.force_close()
        except BaseException:
            self.force_close()
            raise
        finally:
            request._task = None  # the two would hold each other
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
        self._go_on(goes_on and self._keepalive and not self._close and not self._force_close)

    async def _send(self, request: web.Request, response: web.StreamResponse) -> bool:
        """Send an answer of our own; the layers have already delivered or aborted an instance's."""
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT_S):
                _, client_is_gone = await self.finish_response(request, response, None)
        except TimeoutError:  # the client reads nothing
            self.abort()
            return False
        return not client_is_gone

    async def _linger(self, payload: StreamReader) -> None:
        """Read the unread rest of a body, because a client may not read its answer while it still sends."""
        if not payload.is_eof() and self._lingering_time and not self._force_close:
            await throw_away(payload, self._lingering_time)
        if not payload.is_eof() and not self._force_close:
            self.close()
        payload.set_exception(PayloadAccessError())  # for readers after the answer

    async def _read_by_client(self) -> None:
        """Wait until the client has read most of its answer, so that answers do not pile up."""
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT_S):
                await self._drain_helper()
        except TimeoutError:
            self.abort()

    def _go_on_after_upgrade(self) -> None:
        """Read what follows a declined upgrade, as aiohttp does, but in pieces."""
        if not self._messages and self._payload_parser is None:
            behind, self._message_tail = self._message_tail, b""
            self._upgraded = False
            assert self._reader is not None  # it has read the request to upgrade
            self._reader.set_upgraded(False)
            self.data_received(behind)
            if self._buffer_paused:
                self._resume_reading_if_drained()

    def abort(self) -> None:
        """Close the connection without waiting until the client has read its answer."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing for a body that breaks off while it is thrown away after an early answer."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)


def in_place_of(refused: tuple[str, str] | None) -> RawRequestMessage:
    """A stand-in for a request that could not be read, with at most its method and target."""
    method, path = refused or (ERROR.method, ERROR.path)
    return ERROR._replace(method=method, path=path, raw_headers=())  # aiohttp's is not a tuple
