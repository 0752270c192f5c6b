"""Bytes that the kernel does not take at once go through the transport, and none goes anywhere else."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.upstream.direct_writer import DirectWriter
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

    DirectWriter(transport).write(memoryview(b"hello"))

    assert ends[1].recv(100) == b"hello"
    assert transport.written == b""


def test_what_the_kernel_does_not_take_is_kept_by_the_transport_as_a_copy(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    transport = OverSocket(ends[0])
    buffer = bytearray(b"x" * 4_000_000)
    writer = DirectWriter(transport)

    writer.write(memoryview(buffer))
    writer.write(memoryview(b"full"))
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

    DirectWriter(transport).write(b"later")

    assert transport.written == b"later"


def test_a_closed_transport_s_descriptor_is_not_written_to(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """It may be another connection's by then."""
    transport = OverSocket(ends[0])
    writer = DirectWriter(transport)
    transport.abort()

    writer.write(b"secret")

    with pytest.raises(BlockingIOError):
        ends[1].recv(100)
    assert transport.written == b""


def test_everything_over_tls_goes_through_the_transport(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    transport = OverSocket(ends[0], ssl_object=object())

    DirectWriter(transport).write(memoryview(b"hello"))

    assert transport.written == b"hello"
    with pytest.raises(BlockingIOError):
        ends[1].recv(100)
