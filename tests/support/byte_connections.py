"""An UpstreamConnection without a network: the test hands it bytes, and looks at what became of them."""

import asyncio
import socket
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.messages import FieldLine, RequestHead, ResponseHead
from middlewares.failures import Failure

T = TypeVar("T")


class ByteTransport(asyncio.Transport):
    """Keeps what is written, and does nothing with it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self._reading = True
        self.aborted = False
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.aborted

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True


class ByteConnection:
    """A connection, its transport, and one end of a socket pair that stands for the kernel's side."""

    def __init__(self, limits: UpstreamLimits | None = None) -> None:
        self.sock, self.peer = socket.socketpair()
        self.sock.setblocking(False)  # as a loop has it
        self.transport = ByteTransport()
        self.connection = UpstreamConnection(self.sock, limits or UpstreamLimits())
        self.connection.connection_made(self.transport)

    def ask(self, method: str = "GET", *, upgrades: bool = False) -> UpstreamConnection:
        data = b"%b / HTTP/1.1\r\n\r\n" % method.encode()
        self.connection.request(RequestHead(method, data, upgrades=upgrades))
        return self.connection

    def close(self) -> None:
        self.sock.close()
        self.peer.close()


@dataclass(frozen=True)
class Outcome:
    """What a response looked like to the hop.

    `complete`: the body came to its end. `failure`: the reason why it did not, or why there was no
    head; both are unset where more is waited for. `reusable`: the connection may carry another.
    """

    status: int | None
    phrase: bytes
    fields: tuple[FieldLine, ...]
    body: bytes
    complete: bool
    failure: str | None
    reusable: bool


def outcome_of(
    pieces: Iterable[bytes], *, method: str = "GET", end: bool | Exception = False
) -> Outcome:
    """Feed the pieces, then an end where there is one: True is a FIN, an exception a reset.

    It needs a running loop, and never waits: what is not there then does not come.
    """
    there = ByteConnection()
    try:
        connection = there.ask(method)
        for piece in pieces:
            if piece and not there.transport.aborted:
                connection.data_received(piece)
        if end is not False:
            connection.connection_lost(end if isinstance(end, Exception) else None)
        return _look(connection)
    finally:
        there.close()


def _look(connection: UpstreamConnection) -> Outcome:
    head: ResponseHead | None = None
    body, complete, failure = b"", False, None
    try:
        head = at_once(connection.head())
        while head is not None and (piece := at_once(connection.read())) is not None:
            body += piece
            if not piece:
                complete = True
                break
    except Failure as failed:
        failure = type(failed).__name__
    return Outcome(
        head.status if head is not None else None,
        head.phrase if head is not None else b"",
        tuple(head.fields) if head is not None else (),
        body,
        complete,
        failure,
        connection.is_reusable,
    )


def at_once(work: Coroutine[Any, Any, T]) -> T | None:
    """What a coroutine gives without waiting; None where it would wait."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    work.close()
    return None
