"""The chaos suite checks itself: a scenario that broke nothing, or hid its losses, does not pass."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.chaos import proofs
from bench.chaos.acts import Act
from bench.chaos.load import Drop, Load, Request
from bench.chaos.outcome import Bar, Death, Outcome
from bench.chaos.proofs import NothingBroken
from bench.chaos.runner import run
from bench.chaos.scenarios import Scenario
from bench.chaos.world import World
from tests.conftest import StartKeepAlive
from tests.support.eventually import eventually
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import Received, ServedConnection


async def nothing(world: World, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def kill_twice(world: World, seconds: float) -> None:
    copy = next(iter(world.instances.values()))
    with world.broken():
        world.kill(copy)
        try:
            world.kill(copy)
        finally:
            await world.replace(copy)


async def hang_for_a_moment(world: World, seconds: float) -> None:
    copy = next(iter(world.instances.values()))
    with world.broken():
        world.hang(copy)
        copy.signal(signal.SIGCONT)
        await asyncio.sleep(seconds)
        world.resume(copy)


@pytest.mark.xdist_group("chaos-1")
@pytest.mark.parametrize(
    ("act", "why"),
    [
        (nothing, "it never said that anything was"),
        (kill_twice, "what was to be killed did not run"),
        (hang_for_a_moment, "the process that was to hang was (sleeping|running) at the end"),
    ],
)
async def test_a_scenario_that_breaks_nothing_fails(act: Act, why: str, tmp_path: Path) -> None:
    """The scenario once passed, because no request was lost."""
    outcome = await run(Scenario("idle", "nothing", act, 0.5, 0.5), tmp_path, short=True)

    (problem,) = outcome.problems()
    assert re.fullmatch(f"the scenario itself failed, nothing was broken: {why}", problem)


@pytest.fixture
def program() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_a_process_hangs_when_it_is_stopped(program: subprocess.Popen[bytes]) -> None:
    with pytest.raises(NothingBroken):
        proofs.stands_still(program.pid)

    program.send_signal(signal.SIGSTOP)

    def stands() -> bool:
        try:
            proofs.stands_still(program.pid)
        except NothingBroken:
            return False
        return True

    await eventually(stands)


async def test_a_registry_forgets_with_its_data(own_registry: RegistryServer) -> None:
    await proofs.mark(own_registry.port)
    with pytest.raises(NothingBroken, match="kept its data"):
        await proofs.forgot(own_registry.port, expected=True)
    await proofs.forgot(own_registry.port, expected=False)

    own_registry.kill()
    own_registry.start()

    await proofs.forgot(own_registry.port, expected=True)
    with pytest.raises(NothingBroken, match="lost its data"):
        await proofs.forgot(own_registry.port, expected=False)


def test_an_empty_registry_was_not_flushed() -> None:
    proofs.emptied(1)
    with pytest.raises(NothingBroken):
        proofs.emptied(0)


def test_instances_that_never_hang_up_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.hung-up").touch()
    with pytest.raises(NothingBroken):
        proofs.hung_up(tmp_path)

    (tmp_path / "b.hung-up").write_text("x", "ascii")
    proofs.hung_up(tmp_path)


def test_instances_that_never_misbehave_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.asked").write_text("12 0\n13 0\n", "ascii")
    with pytest.raises(NothingBroken):
        proofs.misbehaves(tmp_path)

    (tmp_path / "b.asked").write_text("13 1\n", "ascii")
    proofs.misbehaves(tmp_path)


def test_slow_answers_and_the_busiest_second_are_held_to_the_bar() -> None:
    slow = Request("GET", "w", 2.0, 2.6)
    outcome = Outcome("", "", [slow], [], 1.0, [], None, None, recovered=True, bar=Bar(slow=0))
    assert outcome.problems() == ["1 answers took over 0.5 s, 0 may"]

    busy = replace(outcome, bar=Bar(peak=1.2), peak=1.3)
    assert busy.problems() == ["instances were asked for 1.30 of the usual load"]
    assert replace(busy, peak=1.2).problems() == []


def failed_post(sent_s: float, ended_s: float) -> Request:
    return Request("POST", "w", sent_s, ended_s, failure="500")


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        ([failed_post(1.0, 1.3), failed_post(1.1, 1.2), failed_post(1.15, 1.4)], []),
        (
            [failed_post(1.0, 1.2), failed_post(1.3, 1.4)],
            ["2 POSTs failed, 1 may (2 x 500)"],
        ),
    ],
    ids=["under way at the first failure", "sent after it"],
)
def test_what_a_gateway_could_not_know_yet_counts_once(
    failed: list[Request], said: list[str]
) -> None:
    bar = Bar(posts=1, learns=True)
    outcome = Outcome("", "", failed, [], 1.0, [], None, None, recovered=True, bar=bar)
    assert outcome.problems() == said
    if not said:
        strict = replace(outcome, bar=Bar(posts=1))
        assert strict.problems() == ["3 POSTs failed, 1 may (3 x 500)"]


async def test_a_gateway_that_drops_gets_does_not_hide_behind_another(
    start_keep_alive: StartKeepAlive,
) -> None:
    """The client asks another gateway, as good clients do, so nothing fails; the loss is noted all the same."""

    async def answers(received: Received, connection: ServedConnection) -> None:
        word = received.target.rpartition(b"/")[2]
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(word) + word)

    async def drops(received: Received, connection: ServedConnection) -> None:
        if received.request_line.startswith(b"POST"):
            await answers(received, connection)
        else:
            connection.finish()

    good, bad = await start_keep_alive(answers), await start_keep_alive(drops)
    load = Load(lambda: [good.port, bad.port], path="/p", per_s=200, patience_s=5, seed=1)
    async with load.running():
        await eventually(lambda: len(good.requests) > 5 and len(bad.requests) > 5)

    assert [one for one in load.requests if one.failure] == []
    dropped = [drop.port for one in load.requests for drop in one.drops]
    assert set(dropped) == {bad.port}
    outcome = Outcome("", "", load.requests, [], 0.0, [], None, None, recovered=True)
    assert outcome.problems() == [f"the gateway at port {bad.port} dropped {len(dropped)} requests"]


@pytest.mark.parametrize(
    ("death", "excused"),
    [
        (Death(1.0, 1.1, port=1, back_s=3.0), True),
        (Death(1.0, 1.1, port=2, back_s=3.0), False),
        (Death(0.5, 0.6, port=1, back_s=1.0), False),
        (Death(3.0, 3.1, port=1, back_s=4.0), False),
    ],
)
def test_a_gateway_may_drop_what_it_has_while_it_is_dead(death: Death, excused: bool) -> None:
    request = Request("GET", "w", 1.5, 2.5, drops=[Drop(1, 1.5, 2.0)])
    outcome = Outcome("", "", [request], [], 0.0, [death], None, None, recovered=True)

    assert (outcome.problems() == []) is excused
