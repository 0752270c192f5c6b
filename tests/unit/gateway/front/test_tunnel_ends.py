"""What one end of a tunnel reads goes to the other connection, in order, and nowhere else."""

import asyncio
import socket
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.front.tunnel_ends import ClientEnd, InstanceEnd
from tests.support.byte_connections import ByteTransport


class OverSocket(ByteTransport):
    """A transport with a socket, and `unsent` bytes before whatever comes next."""

    def __init__(self, sock: socket.socket, *, ssl_object: object = None) -> None:
        super().__init__()
        self.unsent = 0
        self._extra = {"socket": sock, "ssl_object": ssl_object}

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._extra.get(name, default)

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Behind(asyncio.Protocol):
    """A connection's own protocol, which notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause_writing(self) -> None:
        self.told.append("paused")

    def resume_writing(self) -> None:
        self.told.append("resumed")

    def eof_received(self) -> bool:
        self.told.append("finished")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")


class WithProtocol(ByteTransport):
    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol


def end_that_writes_to(transport: asyncio.Transport) -> ClientEnd:
    return ClientEnd(ByteTransport(), transport)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def test_what_the_kernel_takes_never_comes_to_the_transport(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    transport = OverSocket(ends[0])

    end = end_that_writes_to(transport)
    end.data_received(b"hello")

    assert ends[1].recv(100) == b"hello"
    assert transport.written == b""
    assert end.size == 5


def test_what_the_kernel_does_not_take_is_kept_by_the_transport_as_a_copy(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    transport = OverSocket(ends[0])
    buffer = bytearray(b"x" * 4_000_000)
    end = end_that_writes_to(transport)

    end.data_received(memoryview(buffer))
    transport.unsent = len(transport.written)
    end.data_received(memoryview(b"full"))
    buffer[:] = b"y" * len(buffer)

    came = ends[1].recv(len(buffer))
    while len(came) + len(transport.written) < len(buffer) + 4:
        came += ends[1].recv(len(buffer))
    assert came + transport.written == b"x" * len(buffer) + b"full"


def test_nothing_overtakes_what_the_transport_has_not_sent(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    transport = OverSocket(ends[0])
    transport.unsent = 1
    end = end_that_writes_to(transport)

    end.data_received(b"first")
    end.data_received(b"second")
    assert transport.written == b"firstsecond"

    transport.unsent = 0
    end.data_received(b"third")
    end.data_received(b"fourth")
    assert transport.written == b"firstsecondthird"
    assert ends[1].recv(100) == b"fourth"


def test_the_descriptor_of_a_lost_connection_is_not_written_to(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """It may be another connection's by then."""
    transport = OverSocket(ends[0])
    client = end_that_writes_to(transport)
    instance = InstanceEnd(transport, ByteTransport())
    instance.other = client
    transport.abort()
    instance.connection_lost(None)

    client.data_received(b"secret")

    with pytest.raises(BlockingIOError):
        ends[1].recv(100)
    assert transport.written == b""


def test_what_is_not_a_byte_is_told_to_the_connection_s_own_protocol() -> None:
    behind = Behind()
    end = ClientEnd(WithProtocol(behind), ByteTransport())

    end.pause_writing()
    end.resume_writing()
    assert end.eof_received()
    end.connection_lost(None)

    assert behind.told == ["paused", "resumed", "finished", "lost"]


def test_both_ends_let_go_of_their_connections_when_these_are_lost() -> None:
    """There are many tunnels, and the garbage collector runs seldom."""
    behind = Behind()
    end = ClientEnd(WithProtocol(behind), ByteTransport())
    gone = weakref.ref(behind)

    end.connection_lost(None)
    del behind

    assert gone() is None


def test_everything_over_tls_goes_through_the_transport(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    transport = OverSocket(ends[0], ssl_object=object())

    end = end_that_writes_to(transport)
    end.data_received(memoryview(b"hello"))
    end.data_received(memoryview(b" again"))

    assert transport.written == b"hello again"
    with pytest.raises(BlockingIOError):
        ends[1].recv(100)
