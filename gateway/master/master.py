"""The master: keeps as many workers as it was asked for, and replaces them one by one when it is asked to.

It imports nothing of the application, so a release that is broken can't take it down.
"""

import asyncio
import os
import signal
import sys
import time
from typing import Any

from gateway.master.departed import add, count_replacement, departed
from gateway.master.log import Log
from gateway.master.notify import ServiceManager
from gateway.master.reloads import Reloads
from gateway.master.rolls import Rolls
from gateway.master.state import MasterState
from gateway.master.wire import GATEWAY_STOPS, Message
from gateway.master.worker import READY, STARTING, STOPPING, Worker

#: Without a word for so long, a worker's event loop hangs, and the worker is replaced.
HANGS_AFTER_S = 10.0
#: A worker that replaces another one, or is one of the first, may take so long to get ready.
READY_WITHIN_S = 60.0
#: Pauses before a worker is replaced that ended early, again and again.
BACKOFF_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
#: A worker that ran for so long did not end early.
RAN_WELL_S = 30.0
LOOK_EVERY_S = 1.0
#: The exit status of a worker whose settings or file are wrong: a further one would end alike.
USAGE = 2


class Master:
    """Runs until it is stopped; `run` returns the exit status."""

    def __init__(self, state: MasterState) -> None:
        self.log = Log(state.log_format)
        self.manager = ServiceManager(os.environ)
        self.sockets = state.sockets
        self.gateway = state.gateway
        self.started_at_s = state.started_at_s
        self.kept = state.kept
        self.departed = state.departed
        self.count = state.workers
        self.workers: list[Worker] = []
        self.rolls = Rolls(self, state.roll)
        self.reloads = Reloads(self)
        self._adopted = state.running
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._status = 0
        self._ever_ready = bool(state.running)
        #: By slot, how many workers in a row ended early.
        self._early: dict[int, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number, called in (
            (signal.SIGTERM, self._stopping.set),
            (signal.SIGINT, self._interrupt),
            (signal.SIGHUP, lambda: self.reloads.begin("SIGHUP")),
            (signal.SIGUSR2, lambda: self.rolls.begin("SIGUSR2")),
            (signal.SIGCHLD, self._reap),
        ):
            loop.add_signal_handler(number, called)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for state in self._adopted:
            self.workers.append(Worker(state, self._received))
        taken = {worker.slot for worker in self.workers if worker.state != STOPPING}
        for slot in range(self.count):
            if slot not in taken:
                self.spawn(slot)
        self._reap()
        self.rolls.go_on()
        self._tell_all()
        looking = asyncio.create_task(self._look())
        alive = asyncio.create_task(self._say_alive())
        await self._stopping.wait()
        self.manager.stopping("requests in flight finish, then tunnels and event streams")
        looking.cancel()
        for task in self._tasks:
            task.cancel()
        self.log.info("gateway.stopping", workers=len(self.workers))
        for worker in self.workers:
            if worker.state != STOPPING:
                self.let_end(worker, GATEWAY_STOPS)
        self._close_port()
        while self.workers:
            if self._at_once.is_set():
                for worker in self.workers:
                    worker.signal(signal.SIGINT)
            await asyncio.wait(
                [asyncio.create_task(worker.changed.wait()) for worker in self.workers],
                return_when=asyncio.FIRST_COMPLETED,
            )
        alive.cancel()
        self.log.info("gateway.stopped")
        return self._status

    def _close_port(self) -> None:
        """Close this process's copies of the sockets: who connects after the last worker's is refused at once.

        With an open copy the kernel would take connections that nobody accepts.
        """
        for descriptor in self.sockets.values():
            os.close(descriptor)

    def spawn(self, slot: int, *, as_at_start: bool = False) -> Worker:
        """Start a worker; `as_at_start` gives it nothing that is kept, so it reads the file anew."""
        worker = Worker.spawn(
            slot,
            {
                "gateway": self.gateway,
                "started_at_s": self.started_at_s,
                "workers": self.count,
                "sockets": self.sockets,
                "kept": {} if as_at_start else self.kept,
                "members": self._members(),
            },
            self._received,
        )
        self.workers.append(worker)
        self.log.info("worker.started", slot=slot, pid=worker.pid)
        return worker

    def let_end(self, worker: Worker, because: str) -> None:
        """Let a worker finish what is in flight, and end; `because` is a word of gateway.master.wire."""
        self.log.info("worker.stopping", slot=worker.slot, pid=worker.pid)
        worker.stop(because)

    def stop(self, status: int) -> None:
        """Stop all workers, and end with this status."""
        self._status = status
        self._stopping.set()

    @property
    def status(self) -> str:
        """A line for the service manager."""
        # In a roll a new one is ready before the old one is told to stop.
        return f"{min(len(self.serving()), self.count)} of {self.count} workers serve"

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def in_background(self, task: "asyncio.Task[Any]") -> None:
        """Keep the task; it ends when the master stops."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def serving(self) -> list[Worker]:
        """The workers that are ready."""
        return [worker for worker in self.workers if worker.state == READY]

    def _received(self, worker: Worker, message: Message) -> None:
        kind = message["kind"]
        if kind == "beat":
            worker.beat_s = time.monotonic()
        elif kind == "ready":
            worker.has_view = message["view"]
            worker.told()
            if worker.state == STARTING:
                worker.become(READY)
                self._ever_ready = True
                self.log.info("worker.ready", slot=worker.slot, pid=worker.pid)
                self.manager.ready(self.status)
                self._tell_all()
        elif kind == "waits_for":
            worker.waits_for = message["what"]
        elif kind == "counters":
            worker.counters.update(message["counters"])
        elif kind == "keep":
            self.kept[message["name"]] = message["value"]
        elif kind == "say":
            said = {"kind": "said", "from": worker.id}
            for sibling in self.workers:
                if sibling is not worker:
                    sibling.channel.send(said | _matter(message), may_be_dropped=True)
        elif kind == "ask":
            self._asked(worker, message)
        elif kind == "answer":
            self._answered(worker, message)

    def _asked(self, worker: Worker, message: Message) -> None:
        """Pass a question on to the siblings, or to one of them, or answer it where it is for the master."""
        if message.get("to") == "master":
            answer = self._answer(worker, message["topic"], message["body"])
            worker.channel.send(
                {"kind": "answer", "from": "master", "id": message["id"], "body": answer}
            )
            return
        siblings = [
            one
            for one in self.workers
            if one is not worker and one.state != STARTING and message.get("to") in (None, one.id)
        ]
        worker.channel.send(
            {"kind": "whom", "id": message["id"], "workers": [one.id for one in siblings]}
        )
        asked = {"kind": "asked", "from": worker.id, "id": message["id"]}
        for sibling in siblings:
            sibling.channel.send(asked | _matter(message))

    def _answered(self, worker: Worker, message: Message) -> None:
        if message["to"] == "master":
            self.reloads.answered(worker, message)
            return
        for asker in self.workers:
            if asker.id == message["to"]:
                answer = {"kind": "answer", "from": worker.id, "id": message["id"]}
                asker.channel.send(answer | {"body": message["body"]})

    def _answer(self, worker: Worker, topic: str, body: Any) -> Any:
        """What the master itself is asked."""
        if topic == "roll":
            return self.rolls.begin("asked for")
        if topic == "roll_state":
            return self.rolls.state()
        if topic == "reload":
            return self.reloads.begin(body["why"])
        if topic == "reload_state":
            return self.reloads.state()
        if topic == "departed":
            return departed(self.departed, self.workers, worker.id, body["answered"])
        return None

    def _members(self) -> list[dict[str, Any]]:
        return [
            {
                "id": worker.id,
                "slot": worker.slot,
                "pid": worker.pid,
                "state": worker.state,
                "started_at_s": worker.started_at_s,
            }
            for worker in self.workers
        ]

    def _tell_all(self) -> None:
        """Tell every worker who its siblings are."""
        message = {"kind": "workers", "workers": self._members()}
        for worker in self.workers:
            worker.channel.send(message)

    def _interrupt(self) -> None:
        if self._stopping.is_set():
            self._at_once.set()
        self._stopping.set()

    def _reap(self) -> None:
        """Take note of the processes that have ended."""
        for worker in list(self.workers):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self.workers.remove(worker)
                self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: Worker, status: int) -> None:
        add(self.departed, worker.counters)
        was = worker.state
        worker.ended(status)
        worker.close()
        self._tell_all()
        if not self.stopping:
            self.manager.says(self.status)
        if was == STOPPING or self.stopping:
            if not self.stopping:
                count_replacement(self.departed, "rolled")
            self.log.info("worker.stopped", slot=worker.slot, pid=worker.pid)
            return
        self.log.error(
            "worker.ended",
            slot=worker.slot,
            pid=worker.pid,
            status=status,
            detail=worker.why_ended or worker.last_words or _in_words(status),
        )
        if self.rolls.expects(worker):
            return
        if status == USAGE and not self._ever_ready:
            self.stop(status)
            return
        hung = was != STARTING and worker.why_ended
        count_replacement(self.departed, "hung" if hung else "crashed")
        ran_s = time.time() - worker.started_at_s
        early = self._early.get(worker.slot, 0) + 1 if ran_s < RAN_WELL_S else 0
        self._early[worker.slot] = early
        self.in_background(asyncio.create_task(self._replace(worker.slot, early)))

    async def _replace(self, slot: int, early: int) -> None:
        await asyncio.sleep(BACKOFF_S[min(early, len(BACKOFF_S) - 1)])
        if not self.stopping:
            self.spawn(slot)

    async def _say_alive(self) -> None:
        """Tell the watchdog, while workers finish their requests too."""
        while self.manager.watchdog_s is not None:
            self.manager.alive()
            await asyncio.sleep(self.manager.watchdog_s)

    async def _look(self) -> None:
        """End workers whose loop hangs, or that do not get ready."""
        looked_s = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = time.monotonic()
            if now_s - looked_s > 3 * LOOK_EVERY_S:  # all were stopped, or the machine slept
                for worker in self.workers:
                    worker.beat_s = now_s
            looked_s = now_s
            for worker in self.workers:
                limit_s = READY_WITHIN_S if worker.state == STARTING else HANGS_AFTER_S
                if now_s - worker.beat_s > limit_s and not worker.why_ended:
                    what = "its event loop has hung" if worker.state != STARTING else "not ready"
                    self.log.error(
                        "worker.hangs", slot=worker.slot, pid=worker.pid, for_s=round(limit_s)
                    )
                    worker.kill(f"{what} for {limit_s:.0f} s")

    def handed_on(self, roll: dict[str, Any]) -> MasterState:
        """What another master needs to go on."""
        return MasterState(
            sockets=self.sockets,
            workers=self.count,
            gateway=self.gateway,
            started_at_s=self.started_at_s,
            log_format=os.environ.get("LOG_FORMAT", "json").lower(),
            running=[worker.handed_on() for worker in self.workers],
            kept=self.kept,
            departed=self.departed,
            roll=roll,
        )


def _matter(message: Message) -> Message:
    return {"topic": message["topic"], "body": message["body"]}


def _in_words(status: int) -> str:
    if status < 0:
        return f"ended by signal {signal.Signals(-status).name}"
    return f"ended with status {status}"


def run(state: MasterState) -> int:
    """Run a master until it is stopped; returns the exit status."""
    return asyncio.run(Master(state).run(), debug=False)


def main() -> None:
    """`python -m lockgate.master`, with the descriptor of its state in the environment."""
    from gateway.master.wire import MASTER_STATE

    if "--check" in sys.argv:
        return
    said = os.environ.pop(MASTER_STATE, None)
    if said is None:
        sys.exit(
            "lockgate: the master is started by `lockgate gateway` with GATEWAY_WORKERS=2 or more"
        )
    sys.exit(run(MasterState.of_descriptor(int(said))))
