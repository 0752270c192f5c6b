"""An instance of plain sockets that answers in the middle of an upload and closes."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from tests.support.raw_clients import RawAnswer, RawClient

BODY = bytes(2**21)
POST = b"POST /api/uploads HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(BODY)


class Refuser:
    """Reads the head of a request, answers, calls `end`, and closes.

    With `tls` it is an https instance.
    """

    def __init__(
        self,
        answer: bytes,
        end: Callable[[socket.socket], None],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._said = answer
        self._end = end
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the listener is shut down
                return
            connection.settimeout(5)
            # Otherwise the kernel holds the answer back until earlier data (TLS's tickets) is
            # acknowledged, and drops it at the close.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, contextlib.suppress(OSError):
                if self._tls is None:
                    self._answer(connection)
                else:
                    with self._tls.wrap_socket(connection, server_side=True) as secured:
                        self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(1024)
            if not piece:
                return  # a probe
            head += piece
        connection.sendall(self._said)
        self._end(connection)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


async def upload(port: int) -> RawAnswer:
    """Send the whole body first and then read the answer, as most clients do."""
    async with await RawClient.connect(port) as client:
        with contextlib.suppress(ConnectionError):
            await client.send(POST + BODY)
        return await client.answer()
