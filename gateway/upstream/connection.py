"""One HTTP/1.1 connection to an instance: exchanges one after the other, each with its deadlines."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from gateway.upstream.messages import (
    SWITCHING_PROTOCOLS,
    End,
    FieldLine,
    ReadPlain,
    RequestHead,
    ResponseHead,
)
from gateway.upstream.reading import rest
from gateway.upstream.response_reader import ResponseReader
from gateway.upstream.upload import Upload, not_as_long
from gateway.upstream.whole import Whole
from gateway.upstream.wire import Wire, is_clean
from middlewares.failures import (
    Failure,
    UpstreamInvalid,
    UpstreamReset,
    UpstreamSilent,
    UpstreamTimeout,
)
from middlewares.routing.policy import NEVER, Deadlines

#: Reading from the instance pauses above this much of unread body, and resumes when all of it is read.
MOST_UNREAD_BYTES = 32 * 1024
#: The same once the body is forwarded, when only a slow client leaves any unread.
MOST_DECLINED_BYTES = 16 * 1024
#: Idle connections are closed before the instance closes them: uvicorn and Node wait 5 s.
IDLE_LIMIT_S = 4.0

#: Is called with each interim head (103 Early Hints).
OnInterim = Callable[[ResponseHead], None]


class Taker(Protocol):
    """Takes over a connection that has switched protocols: gateway.front.tunnel.Tunnel."""

    def upstream_data(self, data: bytes | memoryview) -> None: ...

    def upstream_finished(self) -> None: ...

    def upstream_paused(self, paused: bool) -> None: ...

    def upstream_lost(self) -> None: ...


class UpstreamConnection(Wire):
    """Carries one exchange after the other: `request`, `head`, then `read` until it returns b"".

    The connection belongs to the sender of the request until the sender gives it back, whatever
    arrives meanwhile. Failures are those of middlewares.failures.
    """

    def __init__(
        self, sock: socket.socket, head_bytes: int, read_plain: ReadPlain | None = None
    ) -> None:
        super().__init__(sock)
        self.reused = False
        self.idle_since_s = 0.0
        self.idle_limit_s = IDLE_LIMIT_S
        #: When the request was sent (loop time), and whether it may move to another instance.
        self.began_s = 0.0
        #: When the last byte of the request was sent, as far as it is (loop time).
        self.asked_s = 0.0
        self.movable = False
        #: When silence becomes a failure (loop time); NEVER while the gateway waits for the client.
        self.deadline_s = NEVER
        self._deadlines = Deadlines()
        self._reader = ResponseReader(head_bytes, read_plain)
        self._sent_before = 0
        self._taker: Taker | None = None
        self._upload: Upload | None = None
        self._pieces: deque[bytes] = deque()
        self._begin(None)
        #: No byte may come before the first request, nor after the end of a response.
        self._ended = True
        self._unasked_bytes = 0

    def _begin(self, interim: OnInterim | None) -> None:
        """Reset the connection for a new exchange."""
        self._head: ResponseHead | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._interim = interim
        self._unread_bytes = 0
        self._forward: Callable[[bytes], bool] | None = None
        self._ended = False
        self._keeps_alive = False
        self._failure: Failure | None = None

    # What the pool calls.

    def is_fresh(self, now_s: float) -> bool:
        """Whether it may carry another request: it is open, not idle too long, and nothing came meanwhile.

        Bytes that come between requests are an end of the connection or an unasked answer, perhaps a
        smuggled one.
        """
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and now_s - self.idle_since_s < self.idle_limit_s
            and not self._is_readable()
        )

    def is_reusable(self) -> bool:
        """Whether the exchange is over on both sides and another may follow."""
        transport = self._transport
        return (
            self._keeps_alive  # the response has ended
            and not self._pieces
            and self._failure is None
            and self.is_sent
            and transport is not None
            and not transport.is_closing()
        )

    @property
    def is_sent(self) -> bool:
        """Whether all of the request is sent."""
        return self._upload is None or self._upload.is_whole

    def check_deadline(self, now_s: float) -> None:
        """Fail the exchange if it is overdue; the pool's sweep asks, which is cheaper than a timer for each."""
        if now_s >= self.deadline_s or now_s >= self._deadlines.ends_s:
            timeout = UpstreamTimeout("the upstream did not answer in time")
            if now_s < self.deadline_s:  # the whole request has taken its time
                is_clients = self.deadline_s == NEVER
                timeout.waited_s = 0.0 if is_clients else now_s - self.asked_s
            self.deadline_s = NEVER
            self._fail(timeout)

    @property
    def is_waiting(self) -> bool:
        """Whether the instance alone keeps the response's head waiting."""
        return self._head is None and self._failure is None and self.deadline_s != NEVER

    def move(self) -> None:
        """Fail the exchange if the request can safely move to another instance."""
        if self.movable and self.is_waiting:
            self._fail(UpstreamSilent("the upstream does not answer"))

    def abort(self) -> None:
        """End the connection in any state; an unfinished request is cut off, not ended cleanly."""
        if self._upload is not None:
            self._upload.task.cancel()
        if self._taker is None:
            super().abort()

    # What the hop calls.

    def request(
        self,
        head: RequestHead,
        body: AsyncIterator[bytes] | bytes | None = None,
        *,
        deadlines: Deadlines,
        movable: bool = False,
        interim: OnInterim | None = None,
    ) -> None:
        """Send the head now and the body as it comes; the response may come before the body is sent.

        A body of bytes is whole, and is as long as the head says.

        `interim` is called with each 1xx head as it comes, except 100 and 101.
        """
        self._begin(interim)
        self._reader.begin(head.method, upgrades=head.upgrades)
        self._sent_before = sent = self._sent
        self.movable = movable
        self.began_s = self.asked_s = now_s = self._loop.time()
        self._deadlines = deadlines
        self.deadline_s = now_s + deadlines.head_s
        transport = self._transport
        if transport is None or transport.is_closing():  # it ended before it could be used
            came = self._unasked_bytes
            evidence = f"it sent {came} bytes before it was asked anything" if came else ""
            reset = UpstreamReset(
                "the upstream closed the connection", untouched=True, evidence=evidence
            )
            self._fail(reset)
            return
        if head.length and body is None:
            self._fail(not_as_long())
            return
        data = head.data
        self._upload = None
        if isinstance(body, bytes):
            data += body
        elif body is not None:
            self._upload = Upload(body, head, self)  # it begins in the next turn of the event loop
        self._sent = sent + len(data)
        transport.write(data)

    async def head(self) -> ResponseHead:
        """Wait for the response's head."""
        while self._head is None:
            if self._failure is not None:
                raise self._failure
            await self._event()
        return self._head

    @property
    def trailers(self) -> Sequence[FieldLine]:
        """The trailers of a chunked body, complete once the response is."""
        return self._reader.trailers

    def is_complete(self) -> bool:
        """Whether the whole response has arrived."""
        return self._ended and self._failure is None

    def rest(self) -> bytes:
        """Take all of the body that has arrived."""
        pieces = self._pieces
        body = b"".join(pieces)
        pieces.clear()
        self._unread_bytes = 0
        if self._reading_paused:
            self.resume_reading()
        return body

    def forward_to(self, forward: Callable[[bytes], bool]) -> None:
        """Call `forward` with each piece of the body as it arrives, without waking the reader.

        If `forward` returns False for a piece, that piece and all later ones wait for `read`.
        """
        self._forward = forward

    async def read(self) -> bytes:
        """Wait for the next piece of the response's body; b"" is its end."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            if self._reading_paused:
                self.resume_reading()
            if self._deadlines.idle_s:
                self.deadline_s = self._loop.time() + self._deadlines.idle_s
            await self._event()
            self.deadline_s = NEVER
        piece = self._pieces.popleft()
        self._unread_bytes -= len(piece)
        return piece

    @property
    def is_tunnel(self) -> bool:
        """Whether it has switched protocols, so that its request has been answered."""
        return self._taker is not None

    def hand_over(self, taker: Taker) -> None:
        """Give all bytes after a 101 to the taker, including those that came with it."""
        self._taker = taker
        while self._pieces:
            taker.upstream_data(self._pieces.popleft())
        if self._failure is not None:
            taker.upstream_lost()
        elif self._reading_paused:
            self.resume_reading()

    def _event(self) -> asyncio.Future[None]:
        """Return what is done when something happens; there is one consumer, so one future is enough."""
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    # What an upload calls.

    def expect_head(self, expected: bool) -> None:
        if self._head is None:
            self.asked_s = self._loop.time()
            self.deadline_s = self.asked_s + self._deadlines.head_s if expected else NEVER

    def cut_short(self, failure: Failure) -> None:
        """Fail the exchange, unless the answer has begun: that may still come to its end."""
        if self._head is None:
            self._fail(failure)
            super().abort()
        else:
            self.finish_writing()

    # asyncio.BufferedProtocol

    def data_received(self, data: bytes | memoryview) -> None:
        if self._taker is not None:
            self._taker.upstream_data(data)
            return
        if self._ended or self._failure is not None:
            # An instance that sends bytes after the end of a response, or before the first request,
            # gets no other request on this connection.
            self._keeps_alive = False
            self._unasked_bytes += len(data)
            self.abort()
            return
        answer = self._reader.feed(data)
        if isinstance(answer, Whole):  # what the loop below does with its parts
            self._head, body, end = answer
            self._interim = None
            if body:
                self._pieces.append(body)
                self._unread_bytes = len(body)  # what comes in one read is never too much
            self._end(end)
            return
        for said in answer:
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
            self._interim = None  # it refers to the client's connection, which ends before this one
            self.deadline_s = NEVER
            self._wake()
        elif self._interim is not None:
            self._interim(head)

    def _keep(self, piece: bytes) -> None:
        if self._forward is not None and not self._pieces and self._forward(piece):
            if self._deadlines.idle_s:
                self.deadline_s = self._loop.time() + self._deadlines.idle_s
            return
        self._pieces.append(piece)
        self._wake()
        self._unread_bytes += len(piece)
        most = MOST_UNREAD_BYTES if self._forward is None else MOST_DECLINED_BYTES
        if self._unread_bytes > most and not self._reading_paused:
            self.pause_reading()

    def _end(self, end: End) -> None:
        self._ended = True
        self._keeps_alive = end.reusable
        if end.idle_limit_s is not None:
            self.idle_limit_s = end.idle_limit_s
        self.deadline_s = NEVER
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
        super().connection_lost(exc)
        if exc is not None and not self._is_tls:  # TLS has read its rest
            self._read_rest()
        untouched = not self._reader.has_begun and self.has_taken_nothing(self._sent_before, exc)
        end = self._reader.finish() if is_clean(exc) else None
        self._reader.close()
        self._keeps_alive = False
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
            reset.was_sending = not self.is_sent
            self._fail(reset)

    def _read_rest(self) -> None:
        """Read the answer from the receive buffer, though a write has failed (RFC 9112 §9.5)."""
        for data in rest(self._sock):
            if self._ended or self._failure is not None:
                return
            self.data_received(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._taker is not None:
            self._taker.upstream_paused(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taker is not None:
            self._taker.upstream_paused(False)
