"""Rolls: the workers are replaced one by one, and an old one stops only when a new one is ready."""

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from gateway.master.wire import MASTER_STATE, REPLACED
from gateway.master.worker import READY, Worker

if TYPE_CHECKING:
    from gateway.master.master import Master

#: A new worker that is not ready by then ends the roll.
READY_WITHIN_S = 15.0
#: The master's own new code is tried in a process of its own, for at most so long.
TRIED_WITHIN_S = 10.0


class Rolls:
    """At most one roll at a time; the last one's end can be asked for."""

    def __init__(self, master: "Master", going_on: dict[str, Any]) -> None:
        self._master = master
        self._new: Worker | None = None
        #: `number`, `state` (`none`, `running`, `done`, `failed`), `reason`, `replaced`, `of`.
        self._state: dict[str, Any] = going_on or {
            "number": 0,
            "state": "none",
            "reason": "",
            "replaced": 0,
            "of": master.count,
        }
        self._old: list[int] = self._state.pop("old", [])

    def begin(self, why: str) -> dict[str, Any]:
        """Begin a roll, unless one is under way; says which one is."""
        if self._state["state"] != "running" and not self._master.stopping:
            self._state = {
                "number": self._state["number"] + 1,
                "state": "running",
                "reason": "",
                "replaced": 0,
                "of": self._master.count,
            }
            self._old = [worker.pid for worker in self._master.workers if worker.state == READY]
            self._master.log.info("roll.started", why=why, workers=len(self._old))
            self._master.in_background(asyncio.create_task(self._renew_master()))
        return self.state()

    def state(self) -> dict[str, Any]:
        return dict(self._state)

    def go_on(self) -> None:
        """Go on with the roll that the master before has begun."""
        if self._state["state"] == "running":
            self._master.in_background(asyncio.create_task(self._roll()))

    def expects(self, worker: Worker) -> bool:
        """Whether this worker was to replace another one: then its end is the roll's, and no crash."""
        return worker is self._new

    async def _renew_master(self) -> None:
        """Try the new code of the master, and go on with it in this process."""
        if why_not := await asyncio.to_thread(_tried):
            self._end(f"the new release can't run the master: {why_not}")
            return
        signal.pthread_sigmask(
            signal.SIG_BLOCK,
            (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD),
        )
        state = self._master.handed_on(self._state | {"old": self._old})
        os.environ[MASTER_STATE] = str(state.to_descriptor())
        os.execve(sys.executable, [sys.executable, "-m", "lockgate.master"], os.environ)  # noqa: S606

    async def _roll(self) -> None:
        for pid in self._old:
            old = next((one for one in self._master.workers if one.pid == pid), None)
            if old is None:  # it has crashed meanwhile, and was replaced by new code
                self._state["replaced"] += 1
                continue
            new = self._new = self._master.spawn(old.slot, as_at_start=True)
            try:
                reason = await self._ready(new)
            finally:
                self._new = None
            if reason:
                self._end(reason)
                return
            self._master.let_end(old, REPLACED)
            self._state["replaced"] += 1
        self._state["state"] = "done"
        self._master.log.info("roll.done", workers=self._state["replaced"])

    async def _ready(self, new: Worker) -> str:
        """Wait until it is ready; else why it is not, after it was ended."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not (new.state == READY and new.has_view):
                    if new.exit_status is not None:
                        said = new.last_words or f"status {new.exit_status}"
                        return f"the new worker ended before it was ready: {said}"
                    await new.changed.wait()
        except TimeoutError:
            said = new.waits_for or new.last_words or "it has told nothing"
            new.kill("not ready in time")
            return f"the new worker was not ready within {READY_WITHIN_S:.0f} s: {said}"
        return ""

    def _end(self, reason: str) -> None:
        self._state |= {"state": "failed", "reason": reason}
        self._master.log.error(
            "roll.failed", reason=reason, detail="the workers that are not replaced stay in service"
        )


def _tried() -> str:
    """Why the master's code of this moment can't be imported; empty if it can."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lockgate.master", "--check"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIED_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"status {done.returncode}"
    return ""
