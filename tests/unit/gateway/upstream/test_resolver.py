"""Names to addresses: one look-up of a name at a time, and a silent name delays no other."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterator

import pytest

from gateway.upstream import looking_up
from gateway.upstream import resolver as resolver_module
from gateway.upstream.looking_up import LookUps
from gateway.upstream.resolver import Resolver
from tests.support.eventually import eventually
from tests.support.name_servers import NameServer

ADDRESS = ipaddress.ip_address("10.0.0.1")


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    server = NameServer(str(ADDRESS))
    yield server
    server.speaks.set()


@pytest.fixture(autouse=True)
async def _bounded() -> object:
    async with asyncio.timeout(20):
        yield


async def test_silent_names_hold_up_no_other(name_server: NameServer) -> None:
    """Four silent names took all four threads of the loop."""
    resolver = Resolver(name_server.look_up)
    name_server.silent = {f"silent-{n}" for n in range(40)}
    waiting = [asyncio.create_task(resolver.resolve(one)) for one in name_server.silent]
    await eventually(lambda: len(name_server.asked) == 40)

    assert await resolver.resolve("good") == [ADDRESS]

    assert not any(one.done() for one in waiting)
    name_server.speaks.set()
    assert await asyncio.gather(*waiting) == [[ADDRESS]] * 40


async def test_of_a_name_there_is_one_look_up_at_a_time(name_server: NameServer) -> None:
    resolver = Resolver(name_server.look_up)
    name_server.silent = {"one"}
    waiting = [asyncio.create_task(resolver.resolve("one")) for _ in range(10)]
    await eventually(lambda: name_server.asked["one"])

    waiting[0].cancel()  # a caller that leaves does not disturb the others
    await asyncio.sleep(0)
    name_server.speaks.set()

    assert await asyncio.gather(*waiting[1:]) == [[ADDRESS]] * 9
    assert name_server.asked == {"one": 1}
    assert await resolver.resolve("one") == [ADDRESS]
    assert name_server.asked == {"one": 1}


async def test_who_waits_is_told_in_time_and_a_name_that_hangs_has_one_thread(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_up, "BOUND_S", 0.05)
    resolver = Resolver(name_server.look_up)
    name_server.silent = {"silent"}

    for _ in range(3):
        with pytest.raises(TimeoutError):
            await resolver.resolve("silent")

    assert name_server.asked == {"silent": 1}
    name_server.speaks.set()
    name_server.silent = set()
    assert await eventually(lambda: resolves(resolver, "silent"))


async def resolves(resolver: Resolver, host: str) -> bool:
    try:
        return bool(await resolver.resolve(host))
    except OSError:
        return False


async def test_names_that_were_slow_take_no_more_than_their_share(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand slow names must not take every thread again and again."""
    monkeypatch.setattr(looking_up, "SLOW_AFTER_S", 0.0)
    monkeypatch.setattr(looking_up, "MOST_FOR_SLOW", 2)
    look_ups = LookUps(name_server.look_up)
    slow = [f"slow-{n}" for n in range(5)]
    for one in slow:
        await look_ups.begin(one)
    name_server.silent = set(slow)

    answers = [look_ups.begin(one) for one in slow]

    assert [one.done() for one in answers] == [False, False, True, True, True]
    refused = answers[2].exception()
    assert isinstance(refused, OSError)
    assert refused.errno == errno.EAGAIN
    assert await look_ups.begin("new") == [ADDRESS]


async def test_there_is_a_most_of_threads_and_less_for_what_can_wait(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_up, "MOST_THREADS", 3)
    monkeypatch.setattr(looking_up, "MOST_FOR_REFRESHES", 2)
    look_ups = LookUps(name_server.look_up)
    name_server.silent = set("abcdef")

    refreshes = [look_ups.begin(one, refreshes=True) for one in "abc"]
    others = [look_ups.begin(one) for one in "de"]

    assert [one.done() for one in refreshes] == [False, False, True]
    assert [one.done() for one in others] == [False, True]


async def test_a_refresh_waits_for_nobody_and_the_last_answer_stands(
    name_server: NameServer,
) -> None:
    resolver = Resolver(name_server.look_up, fresh_for_s=0.0)
    await resolver.resolve("moves")
    name_server.silent = {"moves"}
    name_server.move_to("10.0.0.2")

    resolver.refresh()
    await eventually(lambda: name_server.asked["moves"] == 2)
    for _ in range(5):
        resolver.refresh()

    assert await resolver.resolve("moves") == [ADDRESS]
    assert name_server.asked == {"moves": 2}
    name_server.speaks.set()
    await eventually(lambda: resolver.known("moves") == name_server.addresses)


async def test_a_refresh_that_fails_takes_nothing_away(name_server: NameServer) -> None:
    resolver = Resolver(name_server.look_up, fresh_for_s=0.0)
    await resolver.resolve("gone")
    name_server.fails = OSError("no such name")

    resolver.refresh()
    await eventually(lambda: name_server.asked["gone"] >= 2)

    assert await resolver.resolve("gone") == [ADDRESS]
    resolver.doubt("gone")
    with pytest.raises(OSError, match="no such name"):
        await resolver.resolve("gone")


async def test_where_nothing_can_be_connected_to_the_name_is_asked_for_anew(
    name_server: NameServer,
) -> None:
    resolver = Resolver(name_server.look_up)
    await resolver.resolve("moves")
    name_server.move_to("10.0.0.2")

    resolver.doubt("moves")

    assert await resolver.resolve("moves") == name_server.addresses
    assert name_server.asked == {"moves": 2}
    assert await resolver.resolve("moves") == name_server.addresses
    assert name_server.asked == {"moves": 2}


@pytest.mark.parametrize(
    "failure", [socket.gaierror(socket.EAI_AGAIN, "try again"), OSError(errno.EMFILE, "too many")]
)
async def test_a_resolver_that_fails_leaves_the_last_answer(
    name_server: NameServer, failure: OSError
) -> None:
    """An instance that restarts during a DNS outage is found at its old address."""
    resolver = Resolver(name_server.look_up)
    await resolver.resolve("back")
    name_server.fails = failure

    resolver.doubt("back")

    assert await resolver.resolve("back") == [ADDRESS]


async def test_so_does_one_that_is_silent_and_only_the_first_waits_for_it(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "ASKED_ANEW_FOR_S", 0.05)
    resolver = Resolver(name_server.look_up)
    await resolver.resolve("back")
    name_server.silent = {"back"}
    resolver.doubt("back")
    assert await resolver.resolve("back") == [ADDRESS]

    monkeypatch.setattr(resolver_module, "ASKED_ANEW_FOR_S", 60)
    assert await resolver.resolve("back") == [ADDRESS]


async def test_a_name_that_can_not_be_encoded_has_no_address() -> None:
    with pytest.raises(OSError, match="can't be looked up"):
        await Resolver().resolve("a" * 64 + ".example")


async def test_the_systems_own_files_are_asked() -> None:
    assert ipaddress.ip_address("127.0.0.1") in await Resolver().resolve("localhost")
