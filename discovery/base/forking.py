"""What a forked child must not go on with: its parent's locks, connections and signal handlers."""

import os
import signal
import threading
from typing import Protocol
from weakref import WeakSet

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class KnowsForks(Protocol):
    def forked(self) -> None:
        """Called in a forked child, first of all: locks may be held by threads that are not in it."""
        ...


_objects: "WeakSet[KnowsForks]" = WeakSet()
_here = threading.local()


def tell_of_forks(one: KnowsForks) -> None:
    """From now on, for as long as it lives."""
    _objects.add(one)


def _hold_signals() -> None:
    """One that comes to the child before its handlers are its own would be lost."""
    _here.before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def _let_signals_in() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _here.before)


def _tell() -> None:
    try:
        for one in list(_objects):
            one.forked()
    finally:
        _let_signals_in()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_signals, after_in_parent=_let_signals_in, after_in_child=_tell)
