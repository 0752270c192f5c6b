"""A worker is ready once it has answered itself; a connection that a sibling has taken does not count."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from gateway.process import own_request
from gateway.process.own_request import SAID_AFTER_TRIES, answers_itself, loopback
from tests.support.eventually import eventually
from tests.support.ipv6 import NEEDS_IPV6

#: A fatal alert of TLS.
UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each connection, and knows who its clients are."""

    speaks_tls = refuses_handshakes = False

    def __init__(self, answer: bytes = OK) -> None:
        self._answer = answer
        self._writers: list[asyncio.StreamWriter] = []
        self._asks_itself_from: Any = None
        #: Of each request, whether it was known as the process's own when it came.
        self.own: list[bool] = []

    def clients(self) -> set[Any]:
        return {writer.get_extra_info("peername")[:2] for writer in self._writers}

    def connecting(self) -> set[Any]:
        return set()

    def asks_itself_from(self, name: Any) -> None:
        self._asks_itself_from = name

    @property
    def expects_itself(self) -> bool:
        return self._asks_itself_from is not None

    @asynccontextmanager
    async def serving(self, listening: socket.socket) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, sock=listening.dup())
        try:
            yield
        finally:
            server.close()
            for writer in self._writers:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            name = writer.get_extra_info("peername")[:2]
            self.own.append(name == self._asks_itself_from)
            writer.write(self._answer)


@contextmanager
def listening(host: str = "127.0.0.1", family: int = socket.AF_INET) -> Iterator[socket.socket]:
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        sock.listen()
        yield sock


class Sibling(threading.Thread):
    """Accepts the first connections from the same socket, and would answer them too."""

    def __init__(self, sock: socket.socket, takes: int) -> None:
        super().__init__()
        self._sock, self._takes = sock.dup(), takes
        self.has_taken = 0
        self.heard = b""

    def run(self) -> None:
        self._sock.setblocking(True)
        for _ in range(self._takes):
            client, _ = self._sock.accept()
            with client, contextlib.suppress(OSError):
                self.has_taken += 1
                if data := client.recv(4096):
                    self.heard += data
                    client.sendall(OK)
                    client.recv(4096)
        self._sock.close()


async def asked(sock: socket.socket, server: Server) -> list[str]:
    """What it has said that it waits for, until it has answered itself."""
    said: list[str] = []
    async with asyncio.timeout(20):
        await answers_itself(sock, server, said.append)
    return said


async def first_told(server: Server) -> str:
    """What it says first that it waits for, while this server has the connection."""
    with listening() as sock:
        async with server.serving(sock):
            return await first_told_at(sock, server)


async def first_told_at(sock: socket.socket, server: Server) -> str:
    """What it says first that it waits for."""
    told = asyncio.Queue[str]()
    asking = asyncio.create_task(answers_itself(sock, server, told.put_nowait))
    first = await told.get()
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    return first


async def test_it_is_enough_to_answer_once() -> None:
    server = Server()
    with listening() as sock:
        async with server.serving(sock):
            assert await asked(sock, server) == []
    assert server.own == [True]
    assert not server.expects_itself  # a client that gets this port later is another one


@pytest.mark.parametrize(
    ("host", "family"),
    [
        pytest.param("0.0.0.0", socket.AF_INET, id="every address"),
        pytest.param("::", socket.AF_INET6, id="every address of IPv6", marks=NEEDS_IPV6),
        pytest.param("::1", socket.AF_INET6, id="IPv6", marks=NEEDS_IPV6),
    ],
)
async def test_the_address_may_be_any(host: str, family: int) -> None:
    server = Server()
    with listening(host, family) as sock:
        async with server.serving(sock):
            assert await asked(sock, server) == []


async def test_a_sibling_that_takes_the_connection_is_asked_nothing() -> None:
    server = Server()
    with listening() as sock:
        sibling = Sibling(sock, SAID_AFTER_TRIES + 2)
        sibling.start()
        asking = asyncio.create_task(asked(sock, server))
        await asyncio.to_thread(sibling.join)
        assert not asking.done()
        async with server.serving(sock):
            said = await asking
        assert sibling.has_taken == SAID_AFTER_TRIES + 2
        assert sibling.heard == b""
        assert (
            said[0] == f"its siblings have taken all of its {SAID_AFTER_TRIES} requests to itself"
        )


class Refuser(Server):
    """Speaks TLS, and has no certificate yet; `taken` counts its connections."""

    speaks_tls = refuses_handshakes = True

    def __init__(self) -> None:
        super().__init__()
        self.taken = self.gone = 0
        self._connecting: set[Any] = set()

    def connecting(self) -> set[Any]:
        return self._connecting

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("peername")[:2]
        self.taken += 1
        self._connecting.add(name)
        await reader.read(4096)
        self._connecting.discard(name)
        writer.write(UNRECOGNIZED_NAME)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.gone += 1


async def test_where_there_is_no_certificate_yet_its_own_refusal_is_enough() -> None:
    server = Refuser()
    with listening() as sock:
        async with server.serving(sock):
            assert await asked(sock, server) == []
            await eventually(lambda: server.gone == 1)
    assert server.taken == 1


async def test_another_answer_than_200_is_told() -> None:
    server = Server(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    told = await first_told(server)
    assert told.startswith("its own request was answered by b'HTTP/1.1 503 No")


async def test_a_connection_that_can_not_be_opened_is_told() -> None:
    with socket.socket() as bound_only:
        bound_only.bind(("127.0.0.1", 0))
        told = await first_told_at(bound_only, Server())
    assert told == "it can't connect to its own address: Connection refused"


async def test_a_server_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_request, "ANSWERED_WITHIN_S", 0.02)
    server = Server(b"")
    assert await first_told(server) == "its own request failed: timed out"
    assert not server.expects_itself


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        (("0.0.0.0", 80), ("127.0.0.1", 80)),
        (("10.0.0.1", 80), ("10.0.0.1", 80)),
        (("::", 80, 0, 0), ("::1", 80, 0, 0)),
        (("fe80::1", 80, 0, 2), ("fe80::1", 80, 0, 2)),
    ],
)
def test_where_a_socket_is_reached(address: Any, reached: Any) -> None:
    assert loopback(address) == reached
