"""Programs that are started with a closed standard input, output or error."""

import itertools
import subprocess
import sys

import pytest

PROGRAM = """
import os, socket, sys
from middlewares.programs.standard_streams import open_standard_streams
open_standard_streams()
made = socket.socket()
print("said")
sys.stderr.write("told")
sys.exit(0 if made.fileno() > 2 and sys.stdin.read() == "" and os.get_inheritable(1) else 3)
"""
CLOSED = [set(some) for size in range(4) for some in itertools.combinations((0, 1, 2), size)]


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_the_null_device_stands_for_what_is_closed(closed: set[int]) -> None:
    """Otherwise the first socket gets its number and everything for standard output."""
    redirections = " ".join(f"{number}>&-" for number in sorted(closed))
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {redirections}', sys.executable, PROGRAM],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (b"" if 1 in closed else b"said")
    assert done.stderr == (b"" if 2 in closed else b"told")
