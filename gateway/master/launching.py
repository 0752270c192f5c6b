"""How the processes of a gateway are started: with this interpreter, its options, and a module of ours."""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.master.notify import for_child
from gateway.master.wire import WORKER_FD

MASTER = "lockgate.master"
WORKER = "lockgate.gateway"

#: Signals that a terminal or a supervisor sends to all processes of a gateway. Before a worker ignores them
#: they would end it, so it begins with them blocked.
OF_THE_MASTER = (signal.SIGHUP, signal.SIGINT, signal.SIGUSR2)

#: Letters of options that are followed by a value, and of those that say what runs.
_WITH_VALUE, _WHAT_RUNS = "XW", "mc"
_LONG_WITH_VALUE = "--check-hash-based-pycs"


def interpreter_options(command_line: Sequence[str]) -> list[str]:
    """The options before `-m`, `-c` or the script; `command_line` is `sys.orig_argv`.

    Python looks for modules in the current folder where it runs one, and not where it runs a script:
    `-P` keeps it so.
    """
    options: list[str] = []
    words = iter(command_line[1:])
    for word in words:
        if not word.startswith("-") or word == "-":
            return options if "-P" in options else [*options, "-P"]
        place = _end_of_flags(word)
        letter = word[place : place + 1]
        if letter and letter in _WHAT_RUNS:
            return [*options, word[:place]] if place > 1 else options
        options.append(word)
        if (letter and place == len(word) - 1) or word == _LONG_WITH_VALUE:
            options.extend(value for value in [next(words, None)] if value is not None)
    return options


def _end_of_flags(word: str) -> int:
    """Where in a word such as `-BIm` the first letter is that is more than a flag; else its length."""
    if word.startswith("--"):
        return len(word)
    return next(
        (at for at, one in enumerate(word) if at and one in _WITH_VALUE + _WHAT_RUNS), len(word)
    )


def command(module: str) -> list[str]:
    """The command line that runs this module as this process runs."""
    return [sys.executable, *interpreter_options(sys.orig_argv), "-m", module]


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started; `channel` leads to it, and `errors` is its standard error."""

    pid: int
    channel: socket.socket
    errors: int


def start(words: Sequence[str]) -> Started:
    """Start a worker, which inherits what is inheritable: the listening sockets. Raises OSError.

    It is spawned, not forked: what a fork of an interpreter with threads inherits is nobody's to know.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            errors, errors_in = os.pipe()
        except OSError:
            ours.close()
            raise
        try:
            os.set_inheritable(theirs.fileno(), True)
            pid = os.posix_spawn(
                words[0],
                list(words),
                {**for_child(os.environ), WORKER_FD: str(theirs.fileno())},
                file_actions=[(os.POSIX_SPAWN_DUP2, errors_in, 2)],
                setsigmask=OF_THE_MASTER,
                setsigdef=(signal.SIGPIPE,),
            )
        except OSError:
            ours.close()
            os.close(errors)
            raise
        finally:
            os.close(errors_in)
    return Started(pid, ours, errors)
