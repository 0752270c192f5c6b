"""Turns stop signals into an exception, for programs that must undo something when they end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: SIGHUP comes when the terminal is closed. It ends a program without a handler.
_UNDONE_AFTER = (*STOP_SIGNALS, signal.SIGHUP)


class Stopped(BaseException):
    """A stop signal came; `status` is the exit status for the signal: 130, 143 or 129."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.strsignal(number))
        self.status = 128 + number


@contextmanager
def stops_raised() -> Iterator[None]:
    """Raise Stopped on a stop signal in this context, so that the caller can undo what it began."""
    before = {number: signal.getsignal(number) for number in _UNDONE_AFTER}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)
