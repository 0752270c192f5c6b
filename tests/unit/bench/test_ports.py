"""Ports that several test processes look for at the same time."""

import os
import subprocess
import sys

from bench.ports import claim, free_port
from tests.support.documents import ROOT


def ports_of_another_process(program: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", f"from bench.ports import claim, free_port\n{program}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return [int(port) for port in done.stdout.split()]


def test_no_port_is_given_to_two_processes_before_anything_listens_on_it() -> None:
    """A server that was about to start found its port taken by another test's, once in many runs."""
    ours = {free_port() for _ in range(500)}
    theirs = ports_of_another_process("for _ in range(500): print(free_port())")
    assert len(ours) == len(theirs) == 500
    assert ours.isdisjoint(theirs)


def test_ports_are_claimed_together_or_not_at_all() -> None:
    taken = free_port()
    assert not claim(taken)
    program = f"print(int(claim(11, {taken}))); print(int(claim(11, 12)))"
    assert ports_of_another_process(program) == [0, 1]


def test_a_long_run_gives_the_ports_back_that_it_had_first() -> None:
    first = free_port()
    for _ in range(1000):
        free_port()
    assert ports_of_another_process(f"print(int(claim({first})))") == [1]
