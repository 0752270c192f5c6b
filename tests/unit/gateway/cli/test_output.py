"""What commands do when nobody reads their output any more."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from gateway.cli.output import print_document, print_error, print_progress, print_rows

sys.stdin.read()
print_progress("price_service restarts")
print_error("it does not")
print_rows(("what",), [("a",)])
print_document({})
sys.exit(7)
"""


def status_without_a_reader(stdout: int, stderr: int) -> int:
    """The exit status of a program that prints to a pipe whose reader has gone."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=stdout, stderr=stderr
    )
    for stream in (program.stdout, program.stderr):
        if stream is not None:
            stream.close()
    assert program.stdin is not None
    program.stdin.close()
    return program.wait(20)


def test_a_reader_that_has_left_breaks_nothing_off() -> None:
    """A stack was left half changed because its command ended at the first unread line."""
    assert status_without_a_reader(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) == 7
    assert status_without_a_reader(stdout=subprocess.PIPE, stderr=subprocess.PIPE) == 7


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_where_what_is_said_finds_no_room_the_work_goes_on() -> None:
    with open(os.devnull, "wb") as nowhere, open("/dev/full", "wb") as full:
        assert status_without_a_reader(stdout=nowhere.fileno(), stderr=full.fileno()) == 7
