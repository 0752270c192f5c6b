"""The master: keeps as many workers as it was asked for, and replaces them one by one when it is asked to.

It imports nothing of the application, so a release that is broken can't take it down.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from gateway.master import launching
from gateway.master.late_signals import ignore_late_signals
from gateway.master.log import Log
from gateway.master.notify import ServiceManager
from gateway.master.ports import Ports
from gateway.master.relay import Relay
from gateway.master.reloads import Reloads
from gateway.master.renewing import CHECK
from gateway.master.rolls import Rolls
from gateway.master.state import MasterState
from gateway.master.team import Team
from gateway.master.watching import watch
from gateway.master.wire import MASTER_STATE
from gateway.master.worker import READY, Worker


class Master:
    """Runs until it is stopped; `run` returns the exit status. `words` are the command line of a worker."""

    def __init__(self, state: MasterState, words: Sequence[str] = ()) -> None:
        self.log = Log(state.log_format, state.log_level)
        self.manager = ServiceManager(os.environ)
        self.sockets = state.sockets
        self.gateway = state.gateway
        self.started_at_s = state.started_at_s
        self.ready_within_s = state.ready_within_s
        self.ends_within_s = state.ends_within_s
        self.kept = state.kept
        self.departed = state.departed
        self.team = Team(self, state, words or launching.command(launching.WORKER))
        self.relay = Relay(self)
        self.rolls = Rolls(self, state.roll)
        self.reloads = Reloads(self, state.reload)
        self.ports = Ports(state.ports)
        self._given = state
        self._start_line = state.start_line
        self._stopping = asyncio.Event()
        self._status = 0
        self._has_terminal = os.isatty(0)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> int:
        """Run until the gateway has stopped."""
        for number, called in (
            (signal.SIGTERM, self._stopping.set),
            (signal.SIGINT, self._interrupt),
            (signal.SIGHUP, self._hang_up),
            (signal.SIGUSR2, lambda: self.rolls.begin("SIGUSR2")),
            (signal.SIGCHLD, self.team.reap),
        ):
            asyncio.get_running_loop().add_signal_handler(number, called)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self.team.adopt(self._given)
        self.team.reap()
        self.team.fill()
        self.team.tell_all()
        self.rolls.go_on()
        watching = asyncio.create_task(watch(self))
        alive = asyncio.create_task(self._say_alive())
        await self._stopping.wait()
        self.manager.stopping("requests in flight finish, then tunnels and event streams")
        for task in self._tasks:
            task.cancel()
        self.log.info("gateway.stopping", workers=len(self.workers))
        self.team.stop_all()
        self._close_port()
        await self.team.all_ended()
        watching.cancel()
        alive.cancel()
        self.ports.close()
        self.log.info("gateway.stopped")
        return self._status

    def _close_port(self) -> None:
        """Close this process's copies of the sockets: who connects after the last worker's is refused at once.

        With an open copy the kernel would take connections that nobody accepts.
        """
        for descriptor in self.sockets.values():
            os.close(descriptor)

    @property
    def workers(self) -> list[Worker]:
        return self.team.workers

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    @property
    def status(self) -> str:
        """A line for the service manager."""
        count = self.team.count
        # In a roll there is one more for a moment.
        return f"{min(len(self.serving()), count)} of {count} workers serve"

    def stop(self, status: int) -> None:
        """Stop all workers, and end with this status."""
        self._status = status
        self._stopping.set()

    def in_background(self, task: "asyncio.Task[Any]") -> None:
        """Keep the task; it ends when the master stops."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def serving(self) -> list[Worker]:
        """The workers that are ready."""
        return [worker for worker in self.workers if worker.state == READY]

    def say_started(self) -> None:
        """Write once that the gateway has started: when all of its first workers serve."""
        if self._start_line and len(self.serving()) >= self.team.count:
            self.log.info("gateway.started", **self._start_line)
            self._start_line = {}

    def handed_on(self) -> MasterState:
        """What another master needs to go on."""
        return MasterState(
            sockets=self.sockets,
            workers=self.team.count,
            gateway=self.gateway,
            log_format=self._given.log_format,
            log_level=self._given.log_level,
            started_at_s=self.started_at_s,
            start_line=self._start_line,
            ready_within_s=self.ready_within_s,
            ends_within_s=self.ends_within_s,
            running=[worker.handed_on() for worker in self.workers],
            kept=self.kept,
            departed=self.departed,
            ends={str(slot): count for slot, count in self.team.ends.items()},
            ended={str(slot): told for slot, told in self.team.ended_before.items()},
            roll=self.rolls.handed_on(),
            reload=self.reloads.handed_on(),
            ports=self.ports.handed_on(),
        )

    async def _say_alive(self) -> None:
        """Tell the watchdog, while workers finish their requests too."""
        while self.manager.watchdog_s is not None:
            self.manager.alive()
            await asyncio.sleep(self.manager.watchdog_s)

    def _hang_up(self) -> None:
        if self._has_terminal and not os.isatty(0):
            self._stopping.set()  # the terminal was closed
        elif not self.stopping:  # nobody is left to take another file
            self.reloads.begin("SIGHUP")

    def _interrupt(self) -> None:
        if self.stopping:
            self.team.stop_all_at_once()
        self._stopping.set()


def run(state: MasterState) -> int:
    """Run a master until it is stopped; returns the exit status."""
    return asyncio.run(_run(state), debug=False)


async def _run(state: MasterState) -> int:
    status = await Master(state).run()
    await ignore_late_signals()
    return status


def main() -> None:
    """`python -m lockgate.master`, with the descriptor of its state in the environment."""
    said = os.environ.pop(MASTER_STATE, None)
    if said is None:
        sys.exit(
            "lockgate: the master is started by `lockgate gateway` with GATEWAY_WORKERS=2 or more"
        )
    state = MasterState.of_descriptor(int(said))
    if CHECK not in sys.argv:
        sys.exit(run(state))
