"""The process group of a registered program, and the keeper in it, which ends what is left."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, Self

#: How long the rest of the group may take to end after its stop signal; less than a restarted
#: wrapper waits for the port.
ENDS_WITHIN_S = 8.0
_STOPPING = frozenset([signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
#: Signals that a terminal sends to a group, or that others send to all of it.
_TOLD = _STOPPING | {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
_POLL_S = 0.02


class ProgramGroup:
    """A new process group, `id`; at first only the keeper is in it, a small child of this process.

    The keeper survives every end of this process, SIGKILL too. Then it ends the rest of the group
    with SIGTERM, and with SIGKILL what does not end within `ends_within_s`. It also reports the
    signals that the group was sent, as by a terminal, because this process does not get them.

    Create it while this process has one thread, and before it has signal handlers.
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
        with suppress(OSError):  # keeper and parent both set it; the second one may fail
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
        """Send a signal to the whole group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.id, number)

    def listen(self, hear: Callable[[int], None]) -> None:
        """Call `hear` with the number of each signal that the whole group was sent."""
        os.set_blocking(self._told, False)
        asyncio.get_running_loop().add_reader(self._told, self._read, hear)

    async def end(self) -> bool:
        """End what is left of the group; True if some of it had to be killed."""
        if self._gone.is_set():  # the keeper was killed
            self.send(signal.SIGTERM)
        self._close_life()
        await self._gone.wait()
        return self._had_to_kill

    def _close_life(self) -> None:
        if self._life < 0:
            return
        os.close(self._life)
        self._life = -1
        self.send(signal.SIGCONT)  # the keeper too: it may have been stopped
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
    """The keeper's work: wait until the other end of `life` is closed, then end the group."""
    try:
        os.setpgid(0, 0)
        stopped = _take_signals(tell)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.read(life, 1)
        signal.set_wakeup_fd(-1)  # the reader may be gone, and Python would complain
        # After a recent stop signal, a second one might be taken as impatience and end it at once.
        if not stopped or time.monotonic() - stopped[-1] > ends_within_s:
            os.killpg(0, signal.SIGTERM)
        os.killpg(0, signal.SIGCONT)
        group = os.getpgrp()
        if os.fork() == 0:  # only from outside the group can one see that it is empty
            os.setpgid(0, 0)
            if not _ends(group, ends_within_s):
                os.write(tell, bytes([signal.SIGKILL]))
                os.killpg(group, signal.SIGKILL)
    finally:
        os._exit(0)


def _take_signals(tell: int) -> list[float]:
    """Survive all signals and report some; the list gets the times of stop signals."""
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
    """Wait until the group is empty; False if it isn't within that time."""
    ends_s = time.monotonic() + within_s
    while time.monotonic() < ends_s:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(_POLL_S)
    return False
