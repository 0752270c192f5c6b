"""Runs any program, registered for as long as it runs and listens."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

from discovery.announcing.announcement import Announcement
from discovery.announcing.listening import listens
from discovery.base.tasks import end
from gateway.cli.program_group import ProgramGroup
from gateway.cli.program_ports import told_of_another_port, told_of_open_to_everybody
from gateway.cli.program_signals import ProgramSignals
from gateway.cli.terminal import Terminal
from gateway.machine.open_ports import open_ports_of
from gateway.machine.port_holders import holder_of
from gateway.stack.failures import StackError

#: The exit status if a registration is refused, and trying again does not help.
REFUSED = 1
_POLL_S = 0.05
_MOVE = "stop that, or choose another port: that of --port and of your program"


class NotStarted(Exception):
    """The program does not exist, or can't be run; `status` is what a shell would return."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


async def run_registered(
    command: Sequence[str],
    announcement: Announcement,
    group: ProgramGroup,
    terminal: Terminal,
    *,
    starts_within_s: float,
    report: Callable[[str], None],
) -> int:
    """Run it to its end and return its exit status, 128 + N where signal N ended it.

    Everything that it has started in its process group ends too.
    """
    port = announcement.instance.port
    await _wait_for_free_port(port, starts_within_s, report)
    if sys.stdin.isatty():
        terminal.lend(group.id)  # before the program can read it
    told = {"PORT": str(port), "LOCKGATE_PREFIX": announcement.prefix}
    program = await _start(command, group, told)
    signals = ProgramSignals(announcement, program, group, terminal, report)
    signals.take()
    announcement.listens_elsewhere = lambda: asyncio.to_thread(_another_port, port, group)
    announcement.start()
    watching = [
        asyncio.create_task(_end_when_refused(announcement, group, report)),
        asyncio.create_task(_tell_when_open_to_everybody(announcement, group, report)),
    ]
    status = await program.wait()
    await end(*watching, *signals.tasks)
    deregistered = await announcement.withdraw()
    killed = status < 0 and not signals.has_sent(-status) and not announcement.refused.is_set()
    ended = f"was killed by {_signal(-status)}" if killed else "ended"
    if not announcement.listening.is_set():
        report(f"{command[0]} {ended} before it took connections on port {port}")
    elif killed:
        then = f"; {announcement.instance_id} is deregistered" if deregistered else ""
        report(f"{command[0]} {ended}{then}")
    if await group.end():
        left = f"what {command[0]} had left behind"
        report(f"{left} did not end within {group.ends_within_s:g} s: killed")
    if status > 0 and not signals.stopping and await listens("localhost", port):
        holder = await asyncio.to_thread(holder_of, port) or "another program"
        report(f"port {port} takes connections still: {holder} has it, {command[0]} never had")
    if announcement.refused.is_set():
        return REFUSED
    return status if status >= 0 else 128 - status


async def _wait_for_free_port(port: int, within_s: float, report: Callable[[str], None]) -> None:
    """Wait for a port that is taken: its program may be about to end, as the last run of this one."""
    if not await listens("localhost", port):
        return
    holder = await asyncio.to_thread(holder_of, port) or "another program"
    taken = f"port {port} takes connections already: {holder} has it"
    report(f"{taken}; waiting up to {within_s:g} s until it lets go")
    try:
        async with asyncio.timeout(within_s):
            while True:
                await asyncio.sleep(_POLL_S)
                if not await listens("localhost", port):
                    return
    except TimeoutError:
        raise StackError(f"{taken}; {_MOVE}") from None


def _another_port(port: int, group: ProgramGroup) -> str:
    try:
        found = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
    except OSError:  # the machine does not know the name
        return ""
    localhost = list(dict.fromkeys(str(address[0]) for *_, address in found))
    return told_of_another_port(port, open_ports_of(group.id), localhost)


async def _tell_when_open_to_everybody(
    announcement: Announcement, group: ProgramGroup, report: Callable[[str], None]
) -> None:
    await announcement.listening.wait()
    one = announcement.instance
    opened = await asyncio.to_thread(open_ports_of, group.id)
    if told := told_of_open_to_everybody(one.port, one.host, opened):
        report(told)


def _signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:  # a real-time signal, which has no name
        return f"signal {number}"


async def _start(
    command: Sequence[str], group: ProgramGroup, variables: Mapping[str, str]
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **variables}, process_group=group.id
        )
    except FileNotFoundError:
        raise NotStarted(f"{command[0]}: not found", 127) from None
    except OSError as error:
        raise NotStarted(f"{command[0]}: can't be run: {error.strerror}", 126) from None


async def _end_when_refused(
    announcement: Announcement, group: ProgramGroup, report: Callable[[str], None]
) -> None:
    await announcement.refused.wait()
    report("it can't be registered as things are: ending the program")
    group.send(signal.SIGTERM)
    group.send(signal.SIGCONT)
