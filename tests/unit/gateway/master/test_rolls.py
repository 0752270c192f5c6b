"""What ends a roll, step by step; tests/http/workers/test_rolls.py has whole ones."""

import asyncio
from types import SimpleNamespace
from typing import Any

from gateway.master.rolls import Rolls
from gateway.master.worker import READY


class Log:
    def __init__(self) -> None:
        self.events: list[str] = []

    def info(self, event: str, **_members: Any) -> None:
        self.events.append(event)

    error = info


class Team:
    """Starts what the test has made."""

    count = 1

    def __init__(self, new: Any) -> None:
        self.new = new
        self.let_go: list[Any] = []
        self.filled = 0

    def spawn(self, slot: int, *, as_at_start: bool) -> Any:
        assert (slot, as_at_start) == (0, True)
        if isinstance(self.new, Exception):
            raise self.new
        return self.new

    def tell_all(self) -> None:
        pass

    def fill(self) -> None:
        self.filled += 1

    def let_end(self, old: Any, _because: str) -> None:
        self.let_go.append(old)


async def roll(new: Any) -> tuple[dict[str, Any], Team, list[str]]:
    """A roll of one worker, which the master before has begun: its state, the team, and the log's events."""
    old = SimpleNamespace(pid=1, slot=0, state=READY, exit_status=None)
    team, log, tasks = Team(new), Log(), list[asyncio.Task[None]]()
    master: Any = SimpleNamespace(
        team=team,
        log=log,
        workers=[old],
        stopping=False,
        ready_within_s=15.0,
        in_background=tasks.append,
    )
    rolls = Rolls(master, {"number": 1, "state": "running", "old": [1]})
    rolls.go_on()
    await asyncio.gather(*tasks)
    return rolls.state(), team, log.events


async def test_a_worker_that_is_ready_takes_the_place() -> None:
    new = SimpleNamespace(is_ready=True, exit_status=None)
    state, team, _ = await roll(new)
    assert state["state"] == "done"
    assert len(team.let_go) == 1


async def test_a_worker_that_ended_as_it_got_ready_does_not_take_the_place() -> None:
    words = SimpleNamespace(line="no memory")
    new = SimpleNamespace(
        is_ready=True, state=READY, exit_status=-9, why_ended="", last_words=words
    )
    state, team, _ = await roll(new)
    assert state["state"] == "failed"
    assert state["reason"] == (
        "the new worker ended as soon as it was ready: no memory (signal SIGKILL)"
    )
    assert team.let_go == []
    assert team.filled == 1


async def test_an_error_that_nobody_thought_of_ends_the_roll_too() -> None:
    state, team, events = await roll(RuntimeError("unforeseen"))
    assert state["state"] == "failed"
    assert state["reason"] == "RuntimeError: unforeseen"
    assert events == ["roll.failed"]
    assert team.let_go == []
