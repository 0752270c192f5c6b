"""One HTTP/1.1 connection to an instance: an asyncio protocol around the reader of its responses."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from discovery.model.addresses import IPAddress
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.messages import FieldLine, RequestHead, ResponseHead
from gateway.upstream.reading import Reader, rest
from gateway.upstream.repeated_answers import AnswerMemory
from gateway.upstream.response_reader import (
    SWITCHING_PROTOCOLS,
    End,
    ResponseReader,
)
from gateway.upstream.sockets import bytes_acknowledged, readable
from middlewares.failures import (
    BadRequest,
    Failure,
    UpstreamInvalid,
    UpstreamReset,
    UpstreamSilent,
    UpstreamTimeout,
)

NEVER = float("inf")
#: Unread body bytes at which reading from the instance pauses, and goes on.
HIGH_WATER_BYTES = 32 * 1024
LOW_WATER_BYTES = 16 * 1024
#: Idle connections are closed before the instance does it: uvicorn and Node wait 5 s.
IDLE_LIMIT_S = 4.0
#: Turns of the loop that a new connection is given to read what came before its first request.
SETTLING_TURNS = 16

#: What takes the heads before the final one (103 Early Hints).
OnInterim = Callable[[ResponseHead], None]


class Taker(Protocol):
    """Who takes a connection over that has switched protocols: gateway.tunnel.Tunnel."""

    def upstream_data(self, data: bytes) -> None: ...

    def upstream_finished(self) -> None: ...

    def upstream_paused(self, paused: bool) -> None: ...

    def upstream_lost(self) -> None: ...


class UpstreamConnection(Reader):
    """Carries one exchange after the other: `request`, `head`, then `read` until it gives b"".

    The connection belongs to whoever sent the request until that one gives it back: nothing that
    arrives makes it free. Failures are those of middlewares.failures.
    """

    def __init__(
        self, sock: socket.socket, limits: UpstreamLimits, met: AnswerMemory | None = None
    ) -> None:
        super().__init__()
        self.reused = False
        #: Where it leads; None where that is not known.
        self.address: IPAddress | None = None
        self.idle_since_s = 0.0
        self.idle_limit_s = IDLE_LIMIT_S
        #: When it ended (loop time); what the pool ends itself it does not ask.
        self.lost_s = NEVER
        #: When the request was sent (loop time), and whether another instance may have it instead.
        self.began_s = 0.0
        self.movable = False
        #: When silence becomes a failure (loop time); never, while the client is waited for.
        self.deadline_s = NEVER
        self._ends_s = NEVER
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._is_readable = readable(sock)
        self._transport: asyncio.Transport | None = None
        self._is_tls = False
        self._reader = ResponseReader(limits.head_bytes, met)
        self._sent_before = 0
        self._sent = 0
        self._taker: Taker | None = None
        self._writable: asyncio.Event | None = None
        self._sending: asyncio.Task[None] | None = None
        self._is_cut_short = False
        self._pieces: deque[bytes] = deque()
        self._begin(None)
        #: Before the first request, as behind the end of a response, nothing may come.
        self._ended = True
        self._unasked_bytes = 0
        #: Of the request's body, as its head says, and not sent yet.
        self._body_due = 0

    def _begin(self, interim: OnInterim | None) -> None:
        """A new exchange: everything that belongs to the last one is gone."""
        self._head: ResponseHead | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._interim = interim
        self._unread_bytes = 0
        self._forward: Callable[[bytes], bool] | None = None
        self._reading_paused = False
        self._ended = False
        self._keeps_alive = False
        self._failure: Failure | None = None

    # What the pool calls.

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def is_fresh(self, now_s: float) -> bool:
        """It may carry one more request: it is open, not idle too long, and nothing came meanwhile.

        What came while nobody asked is an end, or an answer to nothing (a smuggled one, perhaps).
        """
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and now_s - self.idle_since_s < self.idle_limit_s
            and not self._is_readable()
        )

    async def settle(self) -> None:
        """Have the loop read what is in the socket already, before the first request.

        Bytes that nobody asked for end the connection then; TLS has messages of its own behind the
        handshake, so what is in the socket says nothing as long as it is not read.
        """
        for _ in range(SETTLING_TURNS):
            if not self.is_open or not self._is_readable():
                return
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                self.abort()
                raise
        self.abort()

    @property
    def is_reusable(self) -> bool:
        """The exchange is over on both sides, and another may follow."""
        return (
            self._ended
            and self._keeps_alive
            and self._failure is None
            and not self._pieces
            and not self._body_due
            and (self._sending is None or self._sending.done())
            and not self._is_cut_short
            and self.is_open
        )

    def check_deadline(self, now_s: float) -> None:
        """Called now and then by the pool's sweep, which is cheaper than a timer for each request."""
        if now_s >= self.deadline_s or now_s >= self._ends_s:
            self.deadline_s = self._ends_s = NEVER
            self._fail(UpstreamTimeout("the upstream did not answer in time"))

    @property
    def is_waiting(self) -> bool:
        """No head of a response is here yet, though nobody but the instance is waited for."""
        return self._head is None and self._failure is None and self.deadline_s != NEVER

    def move(self) -> None:
        """Another instance is to have the request, where that is safe and there is one."""
        if self.movable and self.is_waiting:
            self._fail(UpstreamSilent("the upstream does not answer"))

    def abort(self) -> None:
        """End the connection, whatever it is at; an unfinished request is cut off, not ended."""
        if self._sending is not None:
            self._sending.cancel()
        if self._transport is not None and self._taker is None:
            self._transport.abort()

    # What the hop calls.

    def request(
        self,
        head: RequestHead,
        body: AsyncIterator[bytes] | None = None,
        *,
        movable: bool = False,
        interim: OnInterim | None = None,
        ends_s: float = NEVER,
    ) -> None:
        """Send the head now, and the body as it comes, while the response is already awaited.

        `interim` is called with each 1xx head as it comes, but for 100 and 101. `ends_s` is when all of
        the exchange has to be over (loop time).
        """
        self._begin(interim)
        self._reader.begin(head.method, upgrades=head.upgrades, correlation_id=head.correlation_id)
        self._sent_before = self._sent
        self.movable = movable
        self.began_s = now_s = self._loop.time()
        self.deadline_s = now_s + self._limits.head_s
        self._ends_s = ends_s
        if not self.is_open:  # it ended before it could be used
            came = self._unasked_bytes
            evidence = f"it sent {came} bytes before it was asked anything" if came else ""
            reset = UpstreamReset(
                "the upstream closed the connection", untouched=True, evidence=evidence
            )
            self._fail(reset)
            return
        self._body_due = head.length
        if head.length and body is None:
            self._fail(_not_as_long())
            return
        self._write(head.data)
        if body is not None:
            self._sending = asyncio.create_task(self._send(body, head.chunked))

    async def head(self) -> ResponseHead:
        """The response's head."""
        while self._head is None:
            if self._failure is not None:
                raise self._failure
            await self._wait()
        return self._head

    @property
    def trailers(self) -> list[FieldLine]:
        """Fields behind a chunked body; complete when the response is."""
        return self._reader.trailers

    @property
    def is_complete(self) -> bool:
        """The whole response is here."""
        return self._ended and self._failure is None

    def rest(self) -> bytes:
        """All of the body that is here."""
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread_bytes = 0
        self._read_on()
        return body

    def forward_to(self, forward: Callable[[bytes], bool]) -> None:
        """Hand it each piece of the body from now on as it arrives, without waking the reader.

        Where it declines a piece by False, that one waits for `read`, and so do those behind it.
        """
        self._forward = forward

    async def read(self) -> bytes:
        """The next piece of the response's body as it arrived, b"" at its end."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            if self._limits.idle_s:
                self.deadline_s = self._loop.time() + self._limits.idle_s
            await self._wait()
            self.deadline_s = NEVER
        piece = self._pieces.popleft()
        self._unread_bytes -= len(piece)
        self._read_on()
        return piece

    def _read_on(self) -> None:
        if self._reading_paused and self._unread_bytes <= LOW_WATER_BYTES:
            self._reading_paused = False
            if self._transport is not None:
                self._transport.resume_reading()

    @property
    def is_tunnel(self) -> bool:
        """It has switched protocols: its request has been answered."""
        return self._taker is not None

    @property
    def transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise UpstreamReset("the upstream closed the connection")
        return self._transport

    def hand_over(self, taker: Taker) -> None:
        """After a 101: from now on the bytes are the taker's, beginning with those that came along."""
        self._taker = taker
        while self._pieces:
            taker.upstream_data(self._pieces.popleft())
        if self._failure is not None:
            taker.upstream_lost()
        elif self._reading_paused:
            self.transport.resume_reading()

    async def _wait(self) -> None:
        """Until something happens: there is one consumer, so one future will do."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _send(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        try:
            while self.is_open:
                # While the client is waited for, the instance can't be blamed for its silence.
                self._expect_head(NEVER)
                piece = await anext(body, b"")
                self._expect_head(self._loop.time() + self._limits.head_s)
                if not chunked:
                    self._body_due -= len(piece)
                if self._body_due < 0 or (self._body_due and not piece):
                    raise _not_as_long()
                if not piece:
                    break
                self._write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                if self._writable is not None:
                    await self._writable.wait()
            else:  # nobody takes the rest
                return
            if chunked:
                self._write(b"0\r\n\r\n")
        except Failure as failure:  # the client's body broke off or is too large
            self._cut_short(failure)

    def _expect_head(self, until_s: float) -> None:
        if self._head is None:
            self.deadline_s = until_s

    def _cut_short(self, failure: Failure) -> None:
        """The request's body will not be whole; an answer that has begun may still come to its end."""
        self._is_cut_short = True
        if self._head is None:
            self._fail(failure)
        if self._transport is None:
            return
        if self._head is None:
            self._transport.abort()
        elif self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def _write(self, data: bytes) -> None:
        # A connection that is closed for writing may have an answer (413, say) waiting to be read.
        if self._transport is not None and not self._transport.is_closing():
            self._sent += len(data)
            self._transport.write(data)

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._is_tls = transport.get_extra_info("ssl_object") is not None

    def data_received(self, data: bytes | memoryview) -> None:
        if self._taker is not None:
            self._taker.upstream_data(bytes(data))
            return
        if self._ended or self._failure is not None:
            # Bytes after the end of a response, or before the first request: whoever sent them can't
            # be trusted with another.
            self._keeps_alive = False
            self._unasked_bytes += len(data)
            self.abort()
            return
        for said in self._reader.feed(data):
            if isinstance(said, bytes):
                self._keep(said)
            elif isinstance(said, ResponseHead):
                self._take_head(said)
            elif isinstance(said, End):
                self._end(said)
            else:
                self._fail(UpstreamInvalid(said.detail, evidence=said.evidence))

    def _take_head(self, head: ResponseHead) -> None:
        if head.status >= 200 or head.status == SWITCHING_PROTOCOLS:
            self._head = head
            self.deadline_s = NEVER
            self._wake()
        elif self._interim is not None:
            self._interim(head)

    def _keep(self, piece: bytes) -> None:
        if self._forward is not None and not self._pieces and self._forward(piece):
            if self._limits.idle_s:
                self.deadline_s = self._loop.time() + self._limits.idle_s
            return
        self._pieces.append(piece)
        self._wake()
        self._unread_bytes += len(piece)
        if self._unread_bytes > HIGH_WATER_BYTES and not self._reading_paused:
            self._reading_paused = True
            if self._transport is not None:
                self._transport.pause_reading()

    def _end(self, end: End) -> None:
        self._ended = True
        self._keeps_alive = end.reusable
        if end.idle_limit_s is not None:
            self.idle_limit_s = end.idle_limit_s
        self.deadline_s = self._ends_s = NEVER
        self._wake()

    def _fail(self, failure: Failure) -> None:
        if self._failure is None and not self._ended:
            self._failure = failure
            self._wake()

    def eof_received(self) -> bool:
        if self._taker is None:
            return False
        self._taker.upstream_finished()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_s = self._loop.time()
        self._transport = None
        if exc is not None and not self._is_tls:  # it holds ciphertext then, and TLS has read it
            self._read_rest()
        untouched = self._is_untouched(exc)
        end = self._reader.finish() if _is_clean(exc) else None
        self._reader.close()
        self._keeps_alive = False
        self._resume()
        if self._taker is not None:
            self._taker.upstream_lost()
        if self._ended or self._failure is not None:
            return
        if end is not None:
            self._end(end)
        else:
            reset = UpstreamReset(
                "the upstream closed the connection early",
                untouched=untouched,
                evidence=str(exc) if exc is not None and self._is_tls else "",
            )
            self._fail(reset)

    def _read_rest(self) -> None:
        """What lies in the receive buffer is the answer, though a write has failed (RFC 9112 §9.5)."""
        for data in rest(self._sock):
            if self._ended or self._failure is not None:
                return
            self.data_received(data)

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()
        if self._taker is not None:
            self._taker.upstream_paused(True)

    def resume_writing(self) -> None:
        self._resume()
        if self._taker is not None:
            self._taker.upstream_paused(False)

    def _resume(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def _is_untouched(self, exc: Exception | None) -> bool:
        """The instance closed before the request came, or while it was on its way, and has seen none.

        Where something was written, only a clean end proves that, with none of the request's bytes
        acknowledged: an instance that reads and then resets looks the same otherwise, and so does one
        whose kernel had taken the request that it then did not read.
        """
        if self._sent == self._sent_before:
            return True
        if not _is_clean(exc) or self._reader.has_begun:
            return False
        acknowledged = bytes_acknowledged(self._sock)
        # The handshake counts for one.
        return acknowledged is not None and acknowledged <= self._sent_before + 1


def _not_as_long() -> BadRequest:
    """What follows would be taken for the rest of it: another client's request, perhaps."""
    return BadRequest("the request's body is not as long as its head says")


def _is_clean(end: Exception | None) -> bool:
    """The instance has finished sending: a broken pipe says so too, met while writing.

    A reset that no end came before has another error.
    """
    return end is None or isinstance(end, BrokenPipeError)
