"""Ends a command that SIGINT or SIGTERM reaches: at once, and without a word.

It is set before anything else is imported, and imports nothing that Python has not loaded itself:
`signal`, `typing` and `pathlib` take longer than most people need between Enter and ^C.
"""

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, which are the slow part
import os


def end_at_once_when_stopped() -> None:
    """From now on. What somebody else has seen to, and what is ignored as under nohup, stays so.

    An exception would do where it is caught, but it can come at any line: in the midst of an import,
    or where Python prints and forgets it.
    """
    for number in (_signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(number) in (_signal.default_int_handler, _signal.SIG_DFL):
            _signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    os._exit(128 + number)
