"""Rolls: the workers are replaced one by one, and an old one stops only when a new one is ready."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from gateway.master.deciding.ends import in_words
from gateway.master.renewing import renew
from gateway.master.wire import REPLACED
from gateway.master.worker import READY, STOPPING, Worker

if TYPE_CHECKING:
    from gateway.master.master import Master

#: So many workers for each slot may finish what earlier rolls have left them: tunnels and event streams.
MOST_STOPPING = 4


class Rolls:
    """At most one roll at a time; one that is asked for meanwhile follows it."""

    def __init__(self, master: "Master", going_on: dict[str, Any]) -> None:
        self._master = master
        self._new: Worker | None = None
        #: `number`, `state` (`none`, `running`, `done`, `failed`), `reason`, `replaced`, `of`.
        self._state: dict[str, Any] = {
            "number": 0,
            "state": "none",
            "reason": "",
            "replaced": 0,
            "of": master.team.count,
            **going_on,
        }
        #: Pids of the workers that are to be replaced yet.
        self._old: list[int] = self._state.pop("old", [])
        #: Why another roll follows; empty: none does.
        self._again: str = self._state.pop("again", "")

    def begin(self, why: str) -> dict[str, Any]:
        """Begin a roll, or have one more follow the one that is under way; says which one that is."""
        if self._master.stopping:
            return self.state() | {"state": "failed", "reason": "the gateway stops"}
        if self._state["state"] == "running":
            # What is under way may have begun before the release was put in place.
            self._again = why
            return self.state() | {"number": self._state["number"] + 1, "state": "waiting"}
        team = self._master.team
        self._state = {
            "number": self._state["number"] + 1,
            "state": "running",
            "reason": "",
            "replaced": 0,
            "of": team.count,
        }
        self._old = [one.pid for one in self._master.workers if one.state != STOPPING]
        self._master.log.info("roll.started", why=why, workers=team.count)
        leaving = len(self._master.workers) - len(self._old)
        if leaving >= MOST_STOPPING * team.count:
            self._end(
                f"{leaving} workers of earlier rolls finish their tunnels and event streams yet: "
                "roll when some of them have ended, or lower TUNNEL_GRACE"
            )
        else:
            self._master.in_background(asyncio.create_task(self._to_its_end(self._renew_master())))
        return self.state()

    def state(self) -> dict[str, Any]:
        return dict(self._state)

    def go_on(self) -> None:
        """Go on with the roll that the master before has begun."""
        if self._state["state"] == "running":
            self._master.in_background(asyncio.create_task(self._to_its_end(self._roll())))

    def handed_on(self) -> dict[str, Any]:
        """What another master needs to go on."""
        return self._state | {"old": self._old, "again": self._again}

    def expects(self, worker: Worker) -> bool:
        """Whether this worker was to replace another one: then its end is the roll's, and no crash."""
        return worker is self._new

    async def _to_its_end(self, part: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong ends the roll: one that stays `running` would keep all others from beginning."""
        try:
            await part
        except Exception as error:  # noqa: BLE001
            self._end(f"{type(error).__name__}: {error}")

    async def _renew_master(self) -> None:
        """Try the new code of the master, and go on with it in this process."""
        if why_not := await renew(self._master):
            self._end(f"the new release can't run the master: {why_not}")

    async def _roll(self) -> None:
        for pid in self._old:
            old = next((one for one in self._master.workers if one.pid == pid), None)
            reason = "" if old is None or old.state == STOPPING else await self._replace(old)
            if reason:
                self._end(reason)
                return
            self._state["replaced"] += 1  # one that has crashed was replaced by new code already
        self._state["state"] = "done"
        self._master.log.info("roll.done", workers=self._state["replaced"])
        self._follow()

    async def _replace(self, old: Worker) -> str:
        """Replace one worker; returns why that was not possible, or nothing."""
        team = self._master.team
        try:
            new = self._new = team.spawn(old.slot, as_at_start=True)
        except OSError as error:
            return f"a new worker can't be started: {error}"
        new.ready_within_s, new.needs_view = self._master.ready_within_s, True
        team.tell_all()
        try:
            # One that told that it is ready, and ended in the same moment, is no replacement.
            while new.exit_status is not None or not new.is_ready:
                if new.exit_status is not None:
                    # If the old one has ended meanwhile, its slot is empty now.
                    team.fill()
                    return _why_not_ready(new)
                await new.changed.wait()
        finally:
            self._new = None
        new.needs_view = False  # without a view it serves on, as each worker does
        if old.exit_status is None and old.state != STOPPING:
            team.let_end(old, REPLACED)
        return ""

    def _end(self, reason: str) -> None:
        self._state |= {"state": "failed", "reason": reason}
        self._master.log.error(
            "roll.failed", reason=reason, detail="the workers that are not replaced stay in service"
        )
        self._follow()

    def _follow(self) -> None:
        why, self._again = self._again, ""
        if why:
            self.begin(why)


def _why_not_ready(new: Worker) -> str:
    if new.why_ended:
        return f"the new worker was {new.why_ended}"
    said = new.last_words.line
    status = in_words(new.exit_status or 0)
    when = "as soon as" if new.state == READY else "before"
    return f"the new worker ended {when} it was ready: {f'{said} ({status})' if said else status}"
