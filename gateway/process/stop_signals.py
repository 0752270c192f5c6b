"""The signals that stop a process in the foreground."""

import asyncio
import os
import signal


class StopSignals:
    """`asked` is set by the first SIGTERM or SIGINT, `at_once` by a SIGINT after that."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()
        self._had_terminal = _has_terminal()

    def terminal_has_gone(self) -> bool:
        """Whether SIGHUP means that the terminal of this process was closed."""
        if self._had_terminal and not _has_terminal():
            self.asked.set()
        return self.asked.is_set()

    def take(self) -> None:
        """Install the handlers; call it in the event loop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.asked.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        # A second SIGTERM means the same as the first: a supervisor may send both.
        if self.asked.is_set():
            self.at_once.set()
        self.asked.set()


def _has_terminal() -> bool:
    return os.isatty(0)
