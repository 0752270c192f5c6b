"""A program that knows nothing of Lockgate, registered for as long as it runs and listens."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

from discovery.announcing import Announcement, listens
from discovery.tasks import end
from gateway.stack.failures import StackError

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class NotStarted(Exception):
    """The program is not there, or no program; `status` is what a shell would give."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


async def run_registered(
    command: Sequence[str],
    announcement: Announcement,
    *,
    starts_within_s: float,
    report: Callable[[str], None],
) -> int:
    """Run it to its end and return its exit status, 128 + N where signal N ended it.

    A stop signal drains first and is then sent to the program; another one is sent at once.
    """
    port = announcement.instance.port
    if await listens("localhost", port):
        raise StackError(f"port {port} takes connections already: another program has it")
    # A process group of its own: Ctrl-C at a terminal is for it only once it is drained.
    try:
        program = await asyncio.create_subprocess_exec(*command, process_group=0)
    except FileNotFoundError:
        raise NotStarted(f"{command[0]}: not found", 127) from None
    except OSError as error:
        raise NotStarted(f"{command[0]}: can't be run: {error.strerror}", 126) from None
    signals = _Signals(announcement, program)
    signals.take()
    announcement.start()
    waiting = asyncio.create_task(_say_when_late(announcement, starts_within_s, report))
    status = await program.wait()
    await end(waiting, *signals.draining)
    await announcement.withdraw()
    if not announcement.listening.is_set():
        report(f"{command[0]} ended before it took connections on port {port}")
    return status if status >= 0 else 128 - status


class _Signals:
    """What comes of signals to this process."""

    def __init__(self, announcement: Announcement, program: asyncio.subprocess.Process) -> None:
        self.draining: list[asyncio.Task[None]] = []
        self._announcement = announcement
        self._program = program
        self._sent = False

    def take(self) -> None:
        loop = asyncio.get_running_loop()
        for number in FORWARDED:
            if signal.getsignal(number) != signal.SIG_IGN:  # as it is under nohup
                loop.add_signal_handler(number, self._receive, number)

    def _receive(self, number: int) -> None:
        if self.draining:
            self._send(number)
        else:
            self.draining.append(asyncio.create_task(self._drain(number)))

    async def _drain(self, number: int) -> None:
        await self._announcement.drain()
        if not self._sent:
            self._send(number)

    def _send(self, number: int) -> None:
        self._sent = True
        with suppress(ProcessLookupError):
            self._program.send_signal(number)


async def _say_when_late(
    announcement: Announcement, within_s: float, report: Callable[[str], None]
) -> None:
    try:
        async with asyncio.timeout(within_s):
            await announcement.listening.wait()
    except TimeoutError:
        report(
            f"nothing takes connections on port {announcement.instance.port} after {within_s:g} s; "
            "it is registered as soon as something does"
        )
