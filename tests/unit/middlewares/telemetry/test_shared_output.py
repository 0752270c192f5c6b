"""Lines of several processes that write to one pipe stay whole."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from middlewares.telemetry import shared_output
from middlewares.telemetry.shared_output import PIECE_BYTES, OutputLock, pieces

ROOT = Path(__file__).parents[4]
#: Writes lines of one letter, short and long ones, to its standard output.
WRITES = """
import sys
import time
from middlewares.telemetry.line_writer import LineWriter
letter, shared = sys.argv[1].encode(), sys.argv[2] == "shared"
writer = LineWriter(1, shared=shared)
for number in range(600):
    writer.write(letter * (100 + number * 37 % 9000))
writer.close()
"""


def broken_lines(how: str) -> int:
    """How many lines have bytes of more than one process."""
    reading, writing = os.pipe()
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITES, letter, how], stdout=writing, cwd=ROOT)
        for letter in "abcd"
    ]
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        lines = output.read().split(b"\n")
    for process in processes:
        assert process.wait(30) == 0
    whole = sum(1 for line in lines if line and len(set(line)) == 1)
    assert lines[-1] == b""
    return len(lines) - 1 - whole


def test_lines_of_four_processes_stay_whole() -> None:
    assert broken_lines("shared") == 0


def test_without_that_they_break() -> None:
    assert any(broken_lines("alone") for _ in range(10))


def test_pieces_are_whole_lines_that_the_kernel_writes_in_one_go() -> None:
    lines = [b"x" * size for size in (10, 4000, 90, 4095, 1, 9000, 3)]
    made = list(pieces(lines))
    assert b"".join(made) == b"".join(line + b"\n" for line in lines)
    assert all(len(piece) <= PIECE_BYTES or piece.count(b"\n") == 1 for piece in made)
    assert list(pieces([])) == []


def test_a_stopped_process_that_holds_the_lock_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_output, "WAITS_S", 0.05)
    reading, writing = os.pipe()
    holds = "import fcntl, os, sys; fcntl.lockf(1, fcntl.LOCK_EX); os.write(2, b'held\\n'); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", holds],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    assert holder.stderr is not None
    assert holder.stderr.readline() == b"held\n"
    lock = OutputLock(writing)
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    with lock.held() as has_it:
        assert not has_it
    assert naps
    naps.clear()
    with lock.held() as has_it:
        assert not has_it
    assert not naps

    holder.communicate()
    with lock.held() as has_it:
        assert has_it
    os.close(reading)
    os.close(writing)


def test_what_can_not_be_locked_is_written_without() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    with OutputLock(writing).held() as has_it:
        assert not has_it
