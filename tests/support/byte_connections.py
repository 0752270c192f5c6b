"""An UpstreamConnection without a network: the test hands it bytes, and looks at what became of them."""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.messages import FieldLine, RequestHead
from middlewares.failures import Failure


class ByteTransport(asyncio.Transport):
    """Keeps what is written, and does nothing with it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class ByteConnection:
    """A connection, its transport, and one end of a socket pair that stands for the kernel's side."""

    def __init__(self, limits: UpstreamLimits | None = None) -> None:
        self.sock, self.peer = socket.socketpair()
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


async def outcome_of(
    pieces: Iterable[bytes],
    *,
    method: str = "GET",
    end: bool | Exception = False,
    limits: UpstreamLimits | None = None,
) -> Outcome:
    """Feed the pieces, then an end where there is one: True is a FIN, an exception a reset."""
    bytes_ = ByteConnection(limits)
    try:
        connection = bytes_.ask(method)
        for piece in pieces:
            if piece and not bytes_.transport.aborted:
                connection.data_received(piece)
        # What a FIN makes of the connection is another matter: it can't be used again anyhow.
        reusable_before = False
        if end is False:
            pass
        else:
            connection.eof_received()
            connection.connection_lost(end if isinstance(end, Exception) else None)
        status, phrase, fields = None, b"", ()
        body, failure, complete = b"", None, False
        try:
            head = await _unless_waiting(connection.head())
            if head is not None:
                status, phrase, fields = head.status, head.phrase, tuple(head.fields)
                while True:
                    piece = await _unless_waiting(connection.read())
                    if not piece:
                        complete = piece == b""
                        break
                    body += piece
        except Failure as failed:
            failure = type(failed).__name__
        return Outcome(
            status, phrase, fields, body, complete, failure, connection.is_reusable or reusable_before
        )
    finally:
        bytes_.close()
