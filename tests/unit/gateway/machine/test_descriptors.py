"""How many descriptors the gateway may use, and what the last ones are kept for."""

import asyncio
import gc
import resource
import subprocess
import sys
from typing import Any

import pytest

from gateway.front.client_room import ClientRoom
from gateway.machine.descriptors import Descriptors
from tests.support.asked import TABLE
from tests.support.shortages import limited_to

RAISED = (
    "import resource; from gateway.machine.descriptors import raise_limit; raise_limit(); "
    "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
)


@pytest.mark.parametrize(
    ("most", "clients_below", "requests_below"),
    [
        (64, 32, 48),
        (256, 192, 224),
        (1024, 768, 896),
        (4096, 3072, 3584),
        (1_048_576, 1_047_552, 1_048_064),
    ],
)
def test_some_are_kept_from_clients_and_half_of_them_from_requests_too(
    most: int, clients_below: int, requests_below: int
) -> None:
    of_most = Descriptors.of(most)
    assert (of_most.most, of_most.clients_below, of_most.requests_below) == (
        most,
        clients_below,
        requests_below,
    )


def test_without_a_limit_nobody_is_refused() -> None:
    assert Descriptors.of(resource.RLIM_INFINITY).clients_below == sys.maxsize


def test_the_open_ones_are_counted() -> None:
    descriptors = Descriptors.of_this_process()
    gc.collect()  # what other tests have left is not closed meanwhile
    before = descriptors.open_now()
    with open("/dev/null", "rb"):
        assert before is not None
        assert descriptors.open_now() == before + 1


def test_the_soft_limit_becomes_the_hard_one() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    command = (*limited_to(100, softly=True), sys.executable, "-c", RAISED)
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.split() == [str(hard), str(hard)]


class Sock:
    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number


class Transport(asyncio.BaseTransport):
    def __init__(self, number: int) -> None:
        super().__init__({"socket": Sock(number)})


class Client:
    def __init__(self, *, asks: bool = False) -> None:
        self.asks = asks
        self.ended = False

    def make_way(self) -> bool:
        self.ended = not self.asks
        return self.ended


async def test_those_that_ask_nothing_make_way_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.front.client_room.ASKS_WITHIN_S", -1.0)
    room = ClientRoom(Descriptors(100, clients_below=50, requests_below=56), TABLE.covers)
    assert not room.is_surplus(Client(), Transport(49))

    asking, idle = Client(asks=True), [Client() for _ in range(4)]
    assert room.is_surplus(asking, Transport(50))
    assert all(room.is_surplus(one, Transport(51)) for one in idle)

    assert [one.ended for one in (asking, *idle)] == [False, True, True, False, False]


async def test_one_that_has_just_come_may_ask_first() -> None:
    room = ClientRoom(Descriptors(100, clients_below=50, requests_below=54), TABLE.covers)
    clients = [Client() for _ in range(6)]
    for one in clients:
        room.is_surplus(one, Transport(51))
    assert [one.ended for one in clients] == [True, True, False, False, False, False]


async def test_the_reserve_of_probes_and_registry_is_not_touched() -> None:
    room = ClientRoom(Descriptors(100, clients_below=50, requests_below=54), TABLE.covers)
    for _ in range(4):
        room.is_surplus(Client(asks=True), Transport(51))
    client = Client()
    assert room.is_surplus(client, Transport(54))
    assert client.ended


async def test_a_client_without_a_socket_is_none_too_many() -> None:
    transport: Any = asyncio.BaseTransport()
    assert not ClientRoom(Descriptors(9, 0, 0), TABLE.covers).is_surplus(Client(), transport)
