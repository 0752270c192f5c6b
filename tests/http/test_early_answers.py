"""An instance answers in the middle of an upload, and closes: with a client and an instance of plain sockets."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import StartGateway
from tests.support.raw_clients import RawAnswer, RawClient

ANSWER = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large"
BODY = bytes(2**21)
POST = b"POST /api/uploads HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(BODY)
REPEATS = 25


class Refuser:
    """Reads the head of a request, answers, and closes; what it does then is `close`."""

    def __init__(self, close: Callable[[socket.socket], None]) -> None:
        self._close = close
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener is shut down
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(1024)
                if not piece:
                    return  # a probe
                head += piece
            connection.sendall(ANSWER)
            self._close(connection)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture(
    params=[lambda _: None, lambda connection: connection.shutdown(socket.SHUT_WR)],
    ids=["reset", "end and reset"],
)
def refuser(request: pytest.FixtureRequest) -> Iterator[Refuser]:
    instance = Refuser(request.param)
    yield instance
    instance.stop()


async def upload(port: int) -> RawAnswer:
    """Send all of it, whatever is answered meanwhile, and read then: as most clients do."""
    async with await RawClient.connect(port) as client:
        with contextlib.suppress(ConnectionError):
            await client.send(POST + BODY)
        return await client.answer()


async def test_the_answer_to_an_upload_is_not_lost_with_its_connection(
    start_gateway: StartGateway, refuser: Refuser
) -> None:
    """On uvloop one in three was once a 502 `upstream_reset`."""
    gateway = await start_gateway()
    await gateway.register("uploads", refuser.port)

    answers = [await upload(gateway.port) for _ in range(REPEATS)]

    assert [(answer.status, answer.body) for answer in answers] == [(413, b"too large")] * REPEATS
