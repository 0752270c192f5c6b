"""SIGINT and SIGTERM to commands that have nothing to undo."""

import signal
import subprocess
import sys

import pytest

from tests.support.documents import ROOT

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(program: str, *, ignored: bool = False) -> int:
    """The exit status of a program that is stopped as commands are."""
    begin = "import os, signal\nfrom lockgate.stopping import *\nend_at_once_when_stopped()\n"
    if ignored:
        begin = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + begin
    done = subprocess.run(
        [sys.executable, "-c", begin + program], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    return done.returncode


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_program_with_nothing_to_undo_ends_wherever_it_is(number: signal.Signals) -> None:
    """Python only prints an exception in a finalizer, so the program went on."""
    assert run(f"os.kill(os.getpid(), {number})") == 128 + number
    finalizer = f"type('T', (), {{'__del__': lambda self: os.kill(os.getpid(), {number})}})()"
    assert run(f"{finalizer}; raise SystemExit(7)") == 128 + number


def test_what_is_ignored_stays_ignored() -> None:
    assert run("os.kill(os.getpid(), signal.SIGINT); os._exit(7)", ignored=True) == 7


@pytest.mark.parametrize("entry", ["command", "gateway", "services"])
def test_a_command_imports_nothing_before_it_can_be_stopped(entry: str) -> None:
    """^C in the first 20 ms printed a traceback from `typing` or `pathlib`, whose import took most of them.

    The program ends at its first attempt to set the handler, and prints the modules imported by then.
    """
    program = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
before = set(sys.modules)
import _signal
def tell(*_):
    print(*sorted(set(sys.modules) - before), flush=True)
    os._exit(0)
_signal.signal = tell
from lockgate.{entry} import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (
        ["lockgate", f"lockgate.{entry}", "lockgate.stopping"],
        "",
    )
