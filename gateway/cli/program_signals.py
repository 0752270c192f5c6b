"""Passes this process's and its terminal's signals on, so that each does what it usually does."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress

from discovery.announcing.announcement import Announcement
from gateway.cli.program_group import ProgramGroup
from gateway.cli.terminal import Terminal

#: Drain first, then send to the whole group, as a terminal and a service manager do.
STOPPING = (signal.SIGTERM, signal.SIGINT)
#: Sent to the program alone, which handles them: it reloads, reopens its logs, or ends.
PASSED_ON = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
#: A program that lives this long after SIGINT goes on, as Python's prompt does.
SURVIVES_S = 5.0


class ProgramSignals:
    """The signal handlers for one running program."""

    def __init__(
        self,
        announcement: Announcement,
        program: asyncio.subprocess.Process,
        group: ProgramGroup,
        terminal: Terminal,
        report: Callable[[str], None],
    ) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._announcement = announcement
        self._program = program
        self._group = group
        self._terminal = terminal
        self._report = report
        self._passed_on: set[int] = set()
        self._draining = False
        self._sent = False
        self._suspended = False

    @property
    def stopping(self) -> bool:
        """Whether the program was asked to end."""
        return self._draining

    def has_sent(self, number: int) -> bool:
        """Whether this process has sent the program this signal."""
        return self.stopping or number in self._passed_on

    def take(self) -> None:
        """Install the handlers; ignored signals, as SIGHUP under nohup, stay ignored."""
        for number in STOPPING:
            self._take(number, self._stop)
        for number in PASSED_ON:
            self._take(number, self._pass_on)
        self._take(signal.SIGTSTP, self._group.send)
        asyncio.get_running_loop().add_signal_handler(signal.SIGCONT, self._continue)
        self._group.listen(self._hear)

    def _take(self, number: int, receive: Callable[[int], None]) -> None:
        if signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, receive, number)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    def _pass_on(self, number: int) -> None:
        self._passed_on.add(number)
        with suppress(ProcessLookupError):
            self._program.send_signal(number)

    def _stop(self, number: int) -> None:
        if self._draining:
            self._send(number)
        else:
            self._draining = True
            self._start(self._drain(number))

    def _hear(self, number: int) -> None:
        """React to a signal that the group got from the terminal, from others, or from this process."""
        if number in STOPPING and not self._draining:
            self._draining = self._sent = True
            self._start(self._drain(number))
        elif number in (signal.SIGTTIN, signal.SIGTTOU) and self._terminal.lend(self._group.id):
            self._group.send(signal.SIGCONT)
        elif number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGTSTP) and not self._suspended:
            self._suspended = True
            self._start(self._suspend(number))

    async def _drain(self, number: int) -> None:
        await self._announcement.drain()
        if not self._sent:
            self._send(number)
        if number == signal.SIGINT:
            await asyncio.sleep(SURVIVES_S)
            self._report("the program goes on after SIGINT: it is registered again")
            self._draining = self._sent = False
            self._announcement.start()

    def _send(self, number: int) -> None:
        self._sent = True
        self._group.send(number)
        self._group.send(signal.SIGCONT)  # a stopped process would not notice the signal

    async def _suspend(self, number: int) -> None:
        """The program is stopped and answers nobody, so stop too: that is how a shell sees its job."""
        if not self._draining:
            await self._announcement.pause()
        if not self._suspended:
            return  # continued meanwhile
        if number != signal.SIGTSTP and self._terminal.lend(self._group.id):
            # Brought to the foreground meanwhile: a shell continues no job that it takes for running.
            self._continue()
            return
        self._terminal.take_back()
        loop = asyncio.get_running_loop()
        handled = loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(0, signal.SIGTSTP)  # no effect where no shell could continue the job
        if handled:
            loop.add_signal_handler(signal.SIGTSTP, self._group.send, signal.SIGTSTP)
        if number == signal.SIGTSTP:
            self._continue()

    def _continue(self) -> None:
        if self._suspended:
            self._suspended = False
            if sys.stdin.isatty():
                self._terminal.lend(self._group.id)
            if not self._draining:
                self._announcement.start()
        self._group.send(signal.SIGCONT)
