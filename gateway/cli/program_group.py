"""The process group of a program that is run, and the keeper in it, which leaves none of it behind."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, Self

#: So long may what a program leaves behind go on after its stop signal; less than a wrapper that is
#: started again waits for the port.
ENDS_WITHIN_S = 8.0
_STOPPING = frozenset([signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
#: What a terminal sends to a group, and what others send to all of one.
_TOLD = _STOPPING | {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
_POLL_S = 0.02


class ProgramGroup:
    """A new process group, `id`, that is empty but for the keeper, a small child of this process.

    The keeper outlives every end of this process, SIGKILL too: it then ends what is left of the
    group, by SIGTERM, and by SIGKILL what does not end within `ends_within_s`. It also tells which
    signals the group has been sent, as by a terminal, of which this process hears nothing.

    Made while this process has one thread, and before it has handlers of its own.
    """

    def __init__(self, ends_within_s: float = ENDS_WITHIN_S) -> None:
        self.ends_within_s = ends_within_s
        life, self._life = os.pipe()
        self._told, tell = os.pipe()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self.id = os.fork()
        if self.id == 0:
            os.close(self._life)
            os.close(self._told)
            _keep(life, tell, ends_within_s)
        with suppress(OSError):  # whoever comes first, keeper or parent
            os.setpgid(self.id, self.id)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(life)
        os.close(tell)
        self._gone = asyncio.Event()
        self._had_to_kill = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_life()
        os.close(self._told)

    def send(self, number: int) -> None:
        """Send a signal to all of the group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.id, number)

    def listen(self, hear: Callable[[int], None]) -> None:
        """Call `hear` with the number of each signal that all of the group was sent."""
        os.set_blocking(self._told, False)
        asyncio.get_running_loop().add_reader(self._told, self._read, hear)

    async def end(self) -> bool:
        """End what is left of the group; True where some of it had to be killed."""
        if self._gone.is_set():  # somebody has killed the keeper
            self.send(signal.SIGTERM)
        self._close_life()
        await self._gone.wait()
        return self._had_to_kill

    def _close_life(self) -> None:
        if self._life < 0:
            return
        os.close(self._life)
        self._life = -1
        self.send(signal.SIGCONT)  # the keeper as well, which nothing else may have stopped
        os.waitpid(self.id, 0)

    def _read(self, hear: Callable[[int], None]) -> None:
        said = os.read(self._told, 256)
        if not said:
            asyncio.get_running_loop().remove_reader(self._told)
            self._gone.set()
        for number in said:
            if number == signal.SIGKILL:
                self._had_to_kill = True
            else:
                hear(number)


def _keep(life: int, tell: int, ends_within_s: float) -> NoReturn:
    """The keeper: it waits for the other end of `life` to be closed."""
    try:
        os.setpgid(0, 0)
        stopped = _take_signals(tell)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.read(life, 1)
        signal.set_wakeup_fd(-1)  # who would be told may be gone, and Python complains of that
        # What was sent a stop signal just now may take a second one for impatience.
        if not stopped or time.monotonic() - stopped[-1] > ends_within_s:
            os.killpg(0, signal.SIGTERM)
        os.killpg(0, signal.SIGCONT)
        group = os.getpgrp()
        if os.fork() == 0:  # from outside it can be seen when the group is empty
            os.setpgid(0, 0)
            if not _ends(group, ends_within_s):
                os.write(tell, bytes([signal.SIGKILL]))
                os.killpg(group, signal.SIGKILL)
    finally:
        os._exit(0)


def _take_signals(tell: int) -> list[float]:
    """Take no harm from any signal, and tell some; when stop signals came is put into the list."""
    stopped: list[float] = []

    def note(number: int, _: FrameType | None) -> None:
        if number in _STOPPING:
            stopped[:] = [time.monotonic()]

    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with suppress(OSError):
            signal.signal(number, note if number in _TOLD else signal.SIG_IGN)
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)  # writes the number
    return stopped


def _ends(group: int, within_s: float) -> bool:
    """Whether the group is empty within that time."""
    ends_s = time.monotonic() + within_s
    while time.monotonic() < ends_s:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(_POLL_S)
    return False
