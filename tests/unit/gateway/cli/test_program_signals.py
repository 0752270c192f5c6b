"""What a registered program's signals do when they come close together."""

import asyncio
import os
import signal
from typing import Any

import pytest

from gateway.cli.program_signals import ProgramSignals


class Job:
    """Stands in for the announcement, the group and the terminal."""

    id = 4711

    def __init__(self) -> None:
        self.paused = asyncio.Event()
        self.foreground = False
        self.done: list[str] = []

    async def pause(self) -> None:
        await self.paused.wait()

    def start(self) -> None:
        self.done.append("registered again")

    def send(self, number: int) -> None:
        self.done.append(signal.Signals(number).name)

    def lend(self, group: int) -> bool:
        assert group == self.id
        return self.foreground

    def take_back(self) -> None:
        self.done.append("terminal taken back")


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    job = Job()
    monkeypatch.setattr(os, "kill", lambda group, number: job.done.append("stopped itself"))
    return job


def signals_of(job: Any) -> ProgramSignals:
    program: Any = None
    return ProgramSignals(job, program, job, job, report=job.done.append)


@pytest.mark.parametrize("number", [signal.SIGTTIN, signal.SIGTTOU])
async def test_a_job_in_the_foreground_by_now_is_continued_instead_of_stopped(
    job: Job, number: int
) -> None:
    signals = signals_of(job)
    signals._hear(number)
    await asyncio.sleep(0)

    job.foreground = True  # `fg`, while it is deregistered
    job.paused.set()
    await asyncio.gather(*signals.tasks)

    assert job.done == ["registered again", "SIGCONT"]


async def test_a_job_that_was_continued_while_it_was_deregistered_is_not_stopped(job: Job) -> None:
    signals = signals_of(job)
    signals._hear(signal.SIGTSTP)
    await asyncio.sleep(0)

    signals._continue()
    job.paused.set()
    await asyncio.gather(*signals.tasks)

    assert job.done == ["registered again", "SIGCONT"]


async def test_a_job_that_stays_in_the_background_is_stopped(job: Job) -> None:
    signals = signals_of(job)
    signals._hear(signal.SIGTTIN)
    job.paused.set()
    await asyncio.gather(*signals.tasks)

    assert job.done == ["terminal taken back", "stopped itself"]
