"""The controlling terminal, lent to a process group as a shell lends it to a job."""

import os
import signal
from contextlib import suppress
from typing import Self


class Terminal:
    """This process's terminal; without one, nothing is lent."""

    def __init__(self) -> None:
        self._fd: int | None = None
        with suppress(OSError):
            self._fd = os.open("/dev/tty", os.O_RDWR)
        self._lent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.take_back()
        if self._fd is not None:
            os.close(self._fd)

    def lend(self, group: int) -> bool:
        """Let the group read the terminal and get its signals; False if another job has it."""
        foreground = self._foreground()
        if foreground == os.getpgrp():
            self._lent = True
            self._give(group)
        return foreground in (os.getpgrp(), group)

    def take_back(self) -> None:
        """Take the terminal back, whoever of the group has it now; the group may be gone."""
        if self._lent:
            self._lent = False
            self._give(os.getpgrp())

    def _foreground(self) -> int | None:
        with suppress(OSError):  # the terminal is gone
            return None if self._fd is None else os.tcgetpgrp(self._fd)
        return None

    def _give(self, group: int) -> None:
        assert self._fd is not None
        # From the background, the call counts as a write to the terminal and would stop this process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
        with suppress(OSError):
            os.tcsetpgrp(self._fd, group)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
