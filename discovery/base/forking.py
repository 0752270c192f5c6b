"""Tells objects of a fork: the child must not use its parent's locks, connections and handlers."""

import os
import signal
import threading
from typing import Protocol
from weakref import WeakSet

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class KnowsForks(Protocol):
    def forked(self) -> None:
        """Called first of all in a forked child: threads that are not there may hold locks."""
        ...


_objects: "WeakSet[KnowsForks]" = WeakSet()
_here = threading.local()


def tell_of_forks(one: KnowsForks) -> None:
    """Call `one.forked()` in every forked child, for as long as the object lives."""
    _objects.add(one)


def _hold_signals() -> None:
    """Block signals across the fork: one that reaches the child before its handlers would be lost."""
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
