"""What a roll says of a release whose master can't be run."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.master import launching, renewing


@pytest.fixture
def state() -> Iterator[int]:
    descriptor = os.memfd_create("state")
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize(
    ("program", "why_not"),
    [
        ("", ""),
        ("raise RuntimeError('bad')", "RuntimeError: bad"),
        ("raise SystemExit(3)", "status 3"),
        ("import os; os.kill(os.getpid(), 9)", "signal SIGKILL"),
        ("import time; time.sleep(60)", "it takes more than 1 s to say that it can"),
    ],
    ids=["good", "raises", "exits", "killed", "hangs"],
)
def test_why_it_cant_be_run(
    state: int, program: str, why_not: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "command", lambda _: [sys.executable, "-c", program])
    monkeypatch.setattr(renewing, "TRIED_WITHIN_S", 1.0 if "sleep" in program else 60.0)
    with ThreadPoolExecutor(1) as own_thread:  # it blocks signals
        assert own_thread.submit(renewing._tried, state).result() == why_not


def test_an_interpreter_that_is_not_there_is_named(
    state: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "command", lambda _: ["/nowhere/python"])
    with ThreadPoolExecutor(1) as own_thread:
        assert "/nowhere/python" in own_thread.submit(renewing._tried, state).result()
