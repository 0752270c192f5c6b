"""Ends a command at once, without output, when SIGINT or SIGTERM reaches it.

It runs before anything else is imported, and imports only what Python has loaded already: `signal`,
`typing` and `pathlib` take so long that a ^C soon after Enter would hit their import.
"""

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, which load slowly
import os


def end_at_once_when_stopped() -> None:
    """End at once from now on; handlers of others, and ignored signals (nohup), stay as they are.

    An exception would work only where it is caught. It can come at any line: in the middle of an
    import, or where Python prints and forgets it.
    """
    for number in (_signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(number) in (_signal.default_int_handler, _signal.SIG_DFL):
            _signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    os._exit(128 + number)
