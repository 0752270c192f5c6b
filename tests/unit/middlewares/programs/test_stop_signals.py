"""SIGINT and SIGTERM to commands."""

import signal
import subprocess
import sys

import pytest

from middlewares.programs.stop_signals import STOP_SIGNALS, Stopped, stops_raised
from tests.support.documents import ROOT


def run(program: str, *, ignored: bool = False) -> int:
    """The exit status of a program that ends as commands do when they are stopped."""
    begin = "import os, signal\nfrom middlewares.programs.stop_signals import *\nend_at_once_when_stopped()\n"
    if ignored:
        begin = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + begin
    done = subprocess.run(
        [sys.executable, "-c", begin + program], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    return done.returncode


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_program_with_nothing_to_undo_ends_wherever_it_is(number: signal.Signals) -> None:
    """Python prints and forgets an exception in a finalizer, and the program went on."""
    assert run(f"os.kill(os.getpid(), {number})") == 128 + number
    finalizer = f"type('T', (), {{'__del__': lambda self: os.kill(os.getpid(), {number})}})()"
    assert run(f"{finalizer}; raise SystemExit(7)") == 128 + number


def test_what_is_ignored_stays_ignored() -> None:
    assert run("os.kill(os.getpid(), signal.SIGINT); os._exit(7)", ignored=True) == 7


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_what_was_begun_can_be_undone(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in STOP_SIGNALS]
    with pytest.raises(Stopped) as stopped, stops_raised():
        signal.raise_signal(number)
    assert stopped.value.status == 128 + number
    assert [signal.getsignal(one) for one in STOP_SIGNALS] == before
