"""Slow work in threads: how much at a time, whose turn it is, and what becomes of places."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from middlewares.auth.ways.basic.turns import MOST_WAITING_EACH, NoTurn, Turns
from tests.support.eventually import eventually


class Gate:
    """Work that notes who did it, and ends when the gate opens."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.lock = threading.Lock()
        self.running = 0
        self.most = 0
        self.done: list[str] = []

    def work(self, name: str) -> Callable[[], str]:
        def run() -> str:
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            assert self.opened.wait(10)
            with self.lock:
                self.running -= 1
                self.done.append(name)
            return name

        return run


async def test_no_more_is_done_at_a_time_than_may_be_and_clients_take_turns() -> None:
    turns, gate = Turns(at_a_time=1), Gate()
    names = ["a1", "a2", "a3", "b1"]
    tasks = [asyncio.ensure_future(turns.run(name[0], gate.work(name))) for name in names]
    await eventually(lambda: gate.running == 1)
    gate.opened.set()
    assert await asyncio.gather(*tasks) == names
    assert gate.done == ["a1", "a2", "b1", "a3"]
    assert gate.most == 1


async def test_a_client_with_too_much_work_gets_no_turn_and_others_do() -> None:
    turns, gate = Turns(at_a_time=1), Gate()
    tasks = [
        asyncio.ensure_future(turns.run("a", gate.work("a"))) for _ in range(MOST_WAITING_EACH + 1)
    ]
    await eventually(lambda: gate.running == 1)
    with pytest.raises(NoTurn):
        await turns.run("a", gate.work("a"))
    other = asyncio.ensure_future(turns.run("b", gate.work("b")))
    gate.opened.set()
    assert await other == "b"
    await asyncio.gather(*tasks)


async def test_who_waits_too_long_is_told_so_and_leaves_its_place() -> None:
    turns, gate = Turns(at_a_time=1, patience_s=0.05), Gate()
    first = asyncio.ensure_future(turns.run("a", gate.work("a")))
    await eventually(lambda: gate.running == 1)
    with pytest.raises(NoTurn):
        await turns.run("a", gate.work("late"))
    gate.opened.set()
    assert await first == "a"
    assert await turns.run("a", gate.work("next")) == "next"
    assert gate.done == ["a", "next"]


async def test_a_client_that_leaves_frees_its_place_only_when_its_work_is_done() -> None:
    turns, gate = Turns(at_a_time=1), Gate()
    gone = asyncio.ensure_future(turns.run("a", gate.work("gone")))
    await eventually(lambda: gate.running == 1)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    nxt = asyncio.ensure_future(turns.run("b", gate.work("next")))
    waiting = asyncio.ensure_future(turns.run("c", gate.work("left")))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.opened.set()
    assert await nxt == "next"
    assert gate.done == ["gone", "next"]
    assert gate.most == 1


async def test_a_turn_that_comes_as_its_client_leaves_goes_to_the_next() -> None:
    turns, gate = Turns(at_a_time=1), Gate()
    gate.opened.set()
    first = asyncio.ensure_future(turns.run("a", gate.work("first")))
    leaves = asyncio.ensure_future(turns.run("b", gate.work("leaves")))
    await asyncio.sleep(0)
    # Right after the turn was given, and before the one who waits for it goes on.
    first.add_done_callback(lambda _: leaves.cancel())
    turns_done = await first
    assert turns_done == "first"
    with pytest.raises(asyncio.CancelledError):
        await leaves
    assert await turns.run("c", gate.work("next")) == "next"


async def test_what_the_work_raises_is_raised_and_its_place_is_free() -> None:
    def fail() -> None:
        raise LookupError

    turns = Turns(at_a_time=1)
    for _ in range(2):
        with pytest.raises(LookupError):
            await turns.run("a", fail)
