"""Taking connections from a socket that several workers share."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator

import pytest

from gateway.front.accepting import Accepting
from gateway.machine.shared_counts import SharedCounts, shared_counts
from tests.support.eventually import eventually


@pytest.fixture
def descriptor() -> Iterator[int]:
    made = shared_counts(2)
    if made is None:
        pytest.skip("this system has no such memory")
    yield made
    os.close(made)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as sock:
        yield sock


class Clients:
    """The protocols of a worker's connections."""

    def __init__(self) -> None:
        self.open: list[asyncio.BaseTransport] = []
        #: Called before a protocol is made.
        self.making: Callable[[], None] = lambda: None

    def __call__(self) -> asyncio.Protocol:
        clients = self
        clients.making()

        class Client(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                clients.open.append(transport)

        return Client()

    def count(self) -> int:
        return len(self.open)

    def end(self) -> None:
        for transport in self.open:
            transport.close()


Worker = Callable[[int], tuple[Accepting, Clients]]


@pytest.fixture
async def worker(descriptor: int, listening: socket.socket) -> Worker:
    def start(slot: int) -> tuple[Accepting, Clients]:
        clients = Clients()
        counts = SharedCounts(descriptor, 2, slot)
        return Accepting(listening.dup(), clients, counts, clients.count), clients

    return start


def connect(listening: socket.socket, count: int) -> list[socket.socket]:
    return [socket.create_connection(listening.getsockname()) for _ in range(count)]


def end(clients: list[socket.socket]) -> None:
    for client in clients:
        client.close()


async def test_two_workers_share_a_burst_evenly(worker: Worker, listening: socket.socket) -> None:
    """A loop that takes all that wait gives one of them nearly everything."""
    waiting = connect(listening, 40)
    (one, ones), (two, twos) = worker(0), worker(1)

    await eventually(lambda: ones.count() + twos.count() == 40)

    assert abs(ones.count() - twos.count()) <= 12
    for accepting in (one, two):
        accepting.close()
    for clients in (ones, twos):
        clients.end()
    end(waiting)


async def test_a_worker_takes_what_a_sibling_with_fewer_does_not(
    worker: Worker, descriptor: int, listening: socket.socket
) -> None:
    """A sibling that hangs leaves everything."""
    SharedCounts(descriptor, 2, 1).set(0)
    accepting, clients = worker(0)

    waiting = connect(listening, 30)

    await eventually(lambda: clients.count() == 30)
    accepting.close()
    clients.end()
    end(waiting)


async def test_a_worker_that_closes_keeps_what_it_has_taken_and_leaves_the_rest(
    worker: Worker, descriptor: int, listening: socket.socket
) -> None:
    """A connection was lost in a trial that was taken just before."""
    accepting, clients = worker(0)
    clients.making = accepting.close

    waiting = connect(listening, 5)
    await eventually(lambda: clients.count() > 0)
    await accepting.wait_closed()

    taken = clients.count()
    assert SharedCounts(descriptor, 2, 1).least_of_others() is None
    sibling, others = worker(1)
    await eventually(lambda: clients.count() + others.count() == 5)
    assert clients.count() == taken
    sibling.close()
    clients.end()
    others.end()
    end(waiting)


class NoDescriptors:
    """A listening socket of a process that can open no more files, for so many times."""

    def __init__(self, sock: socket.socket, times: int) -> None:
        self._sock = sock
        self.left = times

    def accept(self) -> tuple[socket.socket, object]:
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._sock.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


async def test_a_worker_without_descriptors_takes_connections_once_it_has_some(
    descriptor: int, listening: socket.socket
) -> None:
    clients = Clients()
    exhausted = NoDescriptors(listening.dup(), 2)
    accepting = Accepting(exhausted, clients, SharedCounts(descriptor, 2, 0), clients.count)  # type: ignore[arg-type]

    waiting = connect(listening, 1)

    await eventually(lambda: clients.count() == 1)
    assert exhausted.left == 0
    accepting.close()
    clients.end()
    end(waiting)


async def test_new_connections_go_to_the_worker_that_has_fewer(
    worker: Worker, listening: socket.socket
) -> None:
    one, ones = worker(0)
    waiting = connect(listening, 20)
    await eventually(lambda: ones.count() == 20)
    two, twos = worker(1)

    waiting += connect(listening, 10)

    await eventually(lambda: ones.count() + twos.count() == 30)
    assert twos.count() >= 8
    for accepting in (one, two):
        accepting.close()
    for clients in (ones, twos):
        clients.end()
    end(waiting)
