"""Holds a stop signal back until the service is drained, so that its port stays open meanwhile."""

import asyncio
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import Any

from aiohttp import web

from ..base.forking import STOP_SIGNALS, tell_of_forks

#: These loops call signal handlers themselves, whatever handler Python has.
_LOOPS = ("asyncio", "uvloop")


def drain_before_run_app_ends(drain: Callable[[], Awaitable[None]]) -> None:
    """Make a stop signal drain first; called while an app starts under `web.run_app`.

    aiohttp tells the app of its shutdown only after its listener is closed. A second signal ends it at
    once. Without run_app, or where run_app was told to leave signals alone, nothing changes.
    """
    task = asyncio.current_task()
    code = getattr(task.get_coro() if task else None, "cr_code", None)
    if code is None or code.co_filename != web.__file__:
        return
    loop = asyncio.get_running_loop()
    draining: asyncio.Future[None] | None = None

    def stop() -> None:
        nonlocal draining
        if draining is not None:
            draining.remove_done_callback(leave)
            raise web.GracefulExit
        draining = asyncio.ensure_future(drain())
        draining.add_done_callback(leave)

    def leave(_: object) -> None:
        raise web.GracefulExit

    for number in STOP_SIGNALS:
        if loop.remove_signal_handler(number):
            loop.add_signal_handler(number, stop)


@contextmanager
def drain_before_handlers(drain: "Callable[[], Future[None]]") -> Iterator[None]:
    """Inside the block, a stop signal drains first and then goes to the handler that was there.

    A second signal goes through at once. Where nobody handles SIGTERM, it becomes SystemExit. Signals
    that an event loop handles stay with the loop. Outside the main thread nothing changes.
    """
    held = _Held(drain)
    if threading.current_thread() is threading.main_thread():
        held.take()
    try:
        yield
    finally:
        held.give_back()


class _Held:
    """The earlier handlers of the signals that are held back."""

    def __init__(self, drain: "Callable[[], Future[None]]") -> None:
        self._drain = drain
        self._former: dict[int, Any] = {}
        self._asked = False
        self._handed_on = False

    def take(self) -> None:
        tell_of_forks(self)
        for number in STOP_SIGNALS:
            handler = signal.getsignal(number)
            module = getattr(handler, "__module__", "").partition(".")[0]
            if handler not in (None, signal.SIG_IGN) and module not in _LOOPS:
                self._former[number] = signal.signal(number, self._receive)

    def give_back(self) -> None:
        self._handed_on = True
        for number, handler in self._former.items():
            if signal.getsignal(number) == self._receive:
                signal.signal(number, handler)

    def forked(self) -> None:
        """Stop holding signals in a forked child: it has nothing to drain."""
        self.give_back()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            self._hand_on(number, frame)
        else:
            self._asked = True
            self._drain().add_done_callback(lambda _: self._send_again(number))

    def _send_again(self, number: int) -> None:
        """Send the signal to the main thread, which may be blocked in a system call."""
        if not self._handed_on:
            signal.pthread_kill(threading.main_thread().ident or 0, number)

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        self._handed_on = True
        handler = self._former[number]
        if not callable(handler):
            sys.exit(128 + number)
        handler(number, frame)
