"""Answers in the middle of an upload, over real sockets: a close after the answer resets the connection."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import RequestHead
from middlewares.failures import BodyTooLarge, UpstreamReset
from middlewares.routing.policy import Deadlines
from tests.support.eventually import eventually

HEAD = RequestHead("POST", b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", length=100)
TOO_LARGE = b"HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large"
UNFRAMED = b"HTTP/1.1 413 X\r\nConnection: close\r\n\r\ntoo large"
WITHIN_S = 10.0
MORE_PIECES = 98

Act = Callable[[socket.socket], None]


def reset_behind(answer: bytes) -> Act:
    """Answer and close with unread bytes in the socket, which makes the close a reset."""

    def act(peer: socket.socket) -> None:
        peer.sendall(answer)
        peer.close()

    return act


def finish_and_reset_behind(answer: bytes) -> Act:
    def act(peer: socket.socket) -> None:
        peer.sendall(answer)
        peer.shutdown(socket.SHUT_WR)
        peer.close()

    return act


class Exchange:
    """A TCP connection to this test as its peer, and an upload over it."""

    def __init__(self, connection: UpstreamConnection, peer: socket.socket) -> None:
        self.connection = connection
        self.peer = peer

    @classmethod
    async def begin(cls) -> "Exchange":
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sock = socket.create_connection(listener.getsockname())
            peer, _ = listener.accept()
        sock.setblocking(False)
        _, connection = await loop.create_connection(
            lambda: UpstreamConnection(sock, 64 * 1024), sock=sock
        )
        return cls(connection, peer)

    async def answer(self, body: AsyncIterator[bytes]) -> tuple[int, bytes]:
        """Return status and body; raise a Failure if the answer breaks off."""
        self.connection.request(HEAD, body, deadlines=Deadlines())
        async with asyncio.timeout(WITHIN_S):
            head = await self.connection.head()
            read = b""
            while piece := await self.connection.read():
                read += piece
        return head.status, read

    def end(self) -> None:
        self.connection.abort()
        self.peer.close()

    async def upload(self, act: Act) -> AsyncIterator[bytes]:
        """Let the peer act between two pieces, before the loop can read the result."""
        yield b"x"
        act(self.peer)
        for _ in range(MORE_PIECES):
            yield b"x"


async def asked(act: Act) -> tuple[int, bytes, bool]:
    exchange = await Exchange.begin()
    try:
        status, body = await exchange.answer(exchange.upload(act))
        return status, body, exchange.connection.is_reusable()
    finally:
        exchange.end()


def on(loop: str, work: Coroutine[Any, Any, Any]) -> Any:
    """Run on asyncio's own loop or on uvloop, which the gateway uses."""
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


loops = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@loops
@pytest.mark.parametrize(
    "act",
    [
        reset_behind(TOO_LARGE),
        finish_and_reset_behind(TOO_LARGE),
        finish_and_reset_behind(UNFRAMED),
    ],
    ids=["reset", "end and reset", "unframed, end and reset"],
)
def test_an_answer_that_came_before_a_failed_write_is_the_answer(loop: str, act: Act) -> None:
    """A failed write ends the sending, not the reading (RFC 9112 §9.5)."""
    assert on(loop, asked(act)) == (413, b"too large", False)


@loops
def test_an_unframed_answer_that_a_reset_ends_is_not_whole(loop: str) -> None:
    with pytest.raises(UpstreamReset):
        on(loop, asked(reset_behind(UNFRAMED)))


@loops
def test_half_an_answer_before_a_failed_write_is_no_answer(loop: str) -> None:
    with pytest.raises(UpstreamReset):
        on(loop, asked(reset_behind(TOO_LARGE[:-3])))


@loops
def test_more_than_one_read_is_taken_from_the_socket(loop: str) -> None:
    body = b"y" * 50_000
    answer = b"HTTP/1.1 413 X\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    assert on(loop, asked(reset_behind(answer)))[:2] == (413, body)


@loops
def test_bytes_behind_the_answer_are_not_part_of_it(loop: str) -> None:
    assert on(loop, asked(reset_behind(TOO_LARGE * 2)))[:2] == (413, b"too large")


@loops
def test_nobody_reads_on_from_a_client_whose_instance_takes_nothing(loop: str) -> None:
    async def upload() -> int:
        exchange = await Exchange.begin()
        pieces = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal pieces
            async for piece in exchange.upload(reset_behind(TOO_LARGE)):
                pieces += 1
                yield piece
                await asyncio.sleep(0)

        await exchange.answer(body())
        upload = exchange.connection._upload
        assert upload is not None
        async with asyncio.timeout(WITHIN_S):
            await upload.task
        exchange.end()
        return pieces

    assert on(loop, upload()) < 10


@loops
def test_a_body_that_breaks_off_does_not_break_the_answer_that_has_begun(loop: str) -> None:
    """The instance notices by the end of the body; its connection is not used again."""

    async def run() -> tuple[int, bytes, bytes, bool]:
        exchange = await Exchange.begin()
        begun = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"half"
            await begun.wait()
            raise BodyTooLarge("too large")

        async def peer() -> bytes:
            reader, writer = await asyncio.open_connection(sock=exchange.peer)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi")
            await eventually(lambda: exchange.connection._head)
            begun.set()
            received = await reader.read()
            writer.write(b"rst")
            await writer.drain()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
            return received

        serving = asyncio.create_task(peer())
        status, answer = await exchange.answer(body())
        reusable = exchange.connection.is_reusable()
        exchange.connection.abort()
        return status, answer, await serving, reusable

    assert on(loop, run()) == (200, b"first", HEAD.data + b"half", False)
