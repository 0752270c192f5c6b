"""The workers of the gateway: started, reaped, and replaced where they end by themselves."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gateway.master import launching
from gateway.master.deciding.backoff import after_end
from gateway.master.deciding.ends import how_ended
from gateway.master.departed import add, count_replacement
from gateway.master.state import MasterState
from gateway.master.wire import GATEWAY_STOPS, Message
from gateway.master.worker import READY, STARTING, STOPPING, Worker, begun

if TYPE_CHECKING:
    from gateway.master.master import Master

#: A worker that ends so before any worker was ever ready ends the gateway: a further one would end alike.
_ENDS_THE_START = (1, 2)
#: How a worker ends that was told to; one that has no handlers yet by the signal.
_STOPPED = (0, -signal.SIGTERM)
#: After a second SIGINT, workers have so long to close; one that is killed loses its last log lines and counters.
_AT_ONCE_WITHIN_S = 6.0


class Team:
    """Keeps one worker in each slot; during a roll there are two, and those that stop count no more."""

    def __init__(self, master: "Master", state: MasterState, words: Sequence[str]) -> None:
        self.workers: list[Worker] = []
        self.count = state.workers
        #: By slot, how many workers in a row have ended by themselves.
        self.ends: dict[int, int] = {int(slot): count for slot, count in state.ends.items()}
        #: By slot, what is told of the last worker that has: when, why, and how many in a row.
        self.ended_before = {int(slot): told for slot, told in state.ended.items()}
        self._master = master
        self._words = words
        self._ever_ready = any(one.state != STARTING for one in state.running)
        self._due: dict[int, asyncio.TimerHandle] = {}
        self._none_left = asyncio.Event()

    def adopt(self, state: MasterState) -> None:
        """Take over the workers of the master before."""
        for one in state.running:
            self.workers.append(Worker(one, self._master.relay.received))

    def fill(self) -> None:
        """Start a worker in each slot that has none."""
        for slot in range(self.count):
            self._fill(slot)

    def spawn(self, slot: int, *, as_at_start: bool = False) -> Worker:
        """Start a worker; `as_at_start` gives it nothing that is kept, so it reads the file anew. Raises OSError."""
        master = self._master
        started = launching.start(self._words)
        state = begun(slot, started.pid, started.channel.detach(), started.errors)
        worker = Worker(state, master.relay.received, held=not self._ever_ready)
        self.workers.append(worker)
        worker.channel.send(
            {
                "kind": "begin",
                "slot": slot,
                "gateway": master.gateway,
                "started_at_s": master.started_at_s,
                "workers": self.count,
                "sockets": master.sockets,
                "kept": {} if as_at_start else master.kept,
                "members": self.members(),
            }
        )
        master.log.info("worker.started", slot=slot, pid=worker.pid)
        return worker

    def ready(self, worker: Worker, message: Message) -> None:
        """It takes connections; told again when it has a view."""
        worker.has_view = message["view"]
        worker.config = message.get("config")
        if worker.state != STARTING:
            worker.told()
            return
        worker.become(READY)
        worker.last_words.let_go()
        self._ever_ready = True
        self._master.log.info("worker.ready", slot=worker.slot, pid=worker.pid)
        self._master.manager.ready(self._master.status)
        self._master.say_started()
        self.tell_all()

    def let_end(self, worker: Worker, because: str) -> None:
        """Let a worker finish what is in flight, and end; `because` is a word of gateway.master.wire."""
        self._master.log.info("worker.stopping", slot=worker.slot, pid=worker.pid)
        worker.stop(because)
        self.tell_all()

    def stop_all(self) -> None:
        """Let all end; no further one is started."""
        for timer in self._due.values():
            timer.cancel()
        for worker in self.workers:
            if worker.state != STOPPING:
                self.let_end(worker, GATEWAY_STOPS)

    def stop_all_at_once(self) -> None:
        for worker in self.workers:
            worker.stop_at_once()

        def kill() -> None:
            for worker in self.workers:
                worker.kill("the gateway was to end at once")

        asyncio.get_running_loop().call_later(_AT_ONCE_WITHIN_S, kill)

    async def all_ended(self) -> None:
        """Wait until none is left."""
        while self.workers:
            self._none_left.clear()
            await self._none_left.wait()

    def members(self) -> list[dict[str, Any]]:
        return [self._member(worker) for worker in self.workers]

    def tell_all(self) -> None:
        """Tell every worker who its siblings are."""
        message = {"kind": "workers", "workers": self.members()}
        for worker in self.workers:
            worker.channel.send(message)

    def reap(self) -> None:
        """Take note of the processes that have ended."""
        for worker in list(self.workers):
            try:
                pid, status = os.waitpid(worker.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has waited for it
                pid, status = worker.pid, 0
            if pid:
                self._ended(worker, os.waitstatus_to_exitcode(status))
        if not self.workers:
            self._none_left.set()

    def _ended(self, worker: Worker, status: int) -> None:
        # It reads what it has told last, so it comes before its counters are added.
        worker.ended(status)
        self.workers.remove(worker)
        add(self._master.departed, worker.counters)
        self._master.reloads.ended(worker)
        self._master.ports.ended(worker.id)
        stopping = self._master.stopping
        let_end = worker.state == STOPPING and not worker.why_ended
        if let_end and not stopping:
            count_replacement(self._master.departed, "rolled")
        if let_end and status in _STOPPED:
            self._master.log.info("worker.stopped", slot=worker.slot, pid=worker.pid)
        else:
            self._log_end(worker, status)
            if worker.state != STOPPING and not stopping:
                self._has_crashed(worker, status)
        if self._master.stopping and not stopping:
            self._one_speaks_for_all(worker)
        elif stopping:
            worker.last_words.drop()
        if not stopping:
            self._master.manager.says(self._master.status)
        worker.last_words.let_go()
        worker.close()
        self.tell_all()

    def _member(self, worker: Worker) -> dict[str, Any]:
        # Another worker than one that stops may have ended in its slot since.
        told = None if worker.state == STOPPING else self.ended_before.get(worker.slot)
        return {**worker.as_member(), "ended_before": told}

    def _log_end(self, worker: Worker, status: int) -> None:
        self._master.log.error(
            "worker.ended",
            slot=worker.slot,
            pid=worker.pid,
            status=status,
            detail=worker.why_ended or how_ended(status),
            last_line=worker.last_words.line,
        )

    def _has_crashed(self, worker: Worker, status: int) -> None:
        if not self._ever_ready and status in _ENDS_THE_START:
            self._master.stop(status)
            return
        if self._master.rolls.expects(worker):
            return
        hung = worker.why_ended and worker.state == READY
        why = "hung" if hung else "crashed"
        count_replacement(self._master.departed, why)
        self._fill_later(worker.slot, time.monotonic() - worker.since_s)
        self.ended_before[worker.slot] = {
            "at_s": time.time(),
            "why": why,
            "in_a_row": self.ends[worker.slot],
        }

    def _one_speaks_for_all(self, worker: Worker) -> None:
        """What first workers write when they can't start is written once."""
        for sibling in self.workers:
            sibling.last_words.drop()

    def _fill_later(self, slot: int, ran_s: float) -> None:
        self.ends[slot], pause_s = after_end(self.ends.get(slot, 0), ran_s)
        loop = asyncio.get_running_loop()
        if slot in self._due:
            self._due.pop(slot).cancel()
        self._due[slot] = loop.call_later(pause_s, self._fill, slot)

    def _fill(self, slot: int) -> None:
        """Start a worker in this slot, unless one is there; a roll may have put one there meanwhile."""
        self._due.pop(slot, None)
        here = any(one.slot == slot and one.state != STOPPING for one in self.workers)
        if here or self._master.stopping:
            return
        try:
            self.spawn(slot)
        except OSError as error:
            self._master.log.warning("worker.not_started", slot=slot, detail=str(error))
            self._fill_later(slot, 0.0)
        else:
            self.tell_all()
