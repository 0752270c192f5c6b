"""Reloads of a gateway with several workers: all take the file, or none does (gateway.master.reloads)."""

import asyncio
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import structlog

from gateway.machine.collector import collector_paused
from gateway.siblings.siblings import Siblings
from gateway.worker.configuration.kept import FILE, STATE, KeptFile
from gateway.worker.configuration.reloading import Configuration, Prepared, Reloaded, Result

ENDED = "reload.ended"
IN_FORCE = "config.in_force"
#: The master tells the end in any case; this is for one that has gone.
ENDS_WITHIN_S = 300.0
#: A master that goes on with new code answers a little later.
ANSWERED_WITHIN_S = 15.0
NO_MASTER = "the master of the workers does not answer: whether the file is reloaded is not known"
TOO_LATE = "it could not load the file in time"
ANOTHER = "a worker has another file"
#: What all workers are to say alike.
_STATE = ("mistakes", "loaded_at_s", "in_force_since_s")

C = TypeVar("C")

_log = structlog.get_logger()


class Together(Generic[C]):
    """One worker's part: prepares the file when the master asks, then takes it, or drops it."""

    def __init__(
        self, siblings: Siblings, configuration: Configuration[C], at_start: KeptFile
    ) -> None:
        self._siblings = siblings
        self._configuration = configuration
        #: Until the master has it.
        self._at_start: KeptFile | None = at_start
        self._prepared: Prepared[C] | None = None
        #: What is prepared for an earlier number is not wanted any more.
        self._wanted = 0
        self._last: Mapping[str, Any] = {"number": 0}
        self._has_ended = asyncio.Event()
        self._levelling: set[asyncio.Task[Any]] = set()
        configuration.together = self.reload
        configuration.watches = self._watches
        self._agree(siblings.kept.get(STATE, {}))
        siblings.answers("reload.prepare", self._prepare)
        siblings.answers("reload.commit", self._commit)
        siblings.answers("reload.abort", self._abort)
        siblings.answers(IN_FORCE, self._in_force)
        siblings.hears(ENDED, self._ended)

    async def reload(self, why: str) -> Reloaded:
        """Have all workers read the file again."""
        begun = await self._siblings.ask_master("reload", {"why": why}, within_s=ANSWERED_WITHIN_S)
        if begun is None:
            return Reloaded(Result.REJECTED, mistakes=(NO_MASTER,))
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                while self._last["number"] < begun["number"]:
                    await self._has_ended.wait()
        except TimeoutError:
            return Reloaded(Result.REJECTED, mistakes=(NO_MASTER,))
        return _reloaded(self._last)

    async def agree(self) -> tuple[str, ...]:
        """Take what is in force, before this worker listens; returns why it can't, or nothing.

        Since it has read the file there may have been a reload, which did not ask it. If siblings have
        another file, all read what is there now. Siblings of another release may refuse what this one takes.
        """
        others = (await self._siblings.ask(IN_FORCE)).values()
        digest = self._configuration.origin.digest
        if all(said is None or said["digest"] == digest for said in others):
            return ()
        await self.reload(ANOTHER)
        with collector_paused():
            prepared = await self._configuration.prepare()
            if prepared.next is not None:
                await self._configuration.take(prepared.next)
                self._at_start = prepared.next.whole
        return prepared.reloaded.mistakes

    async def joined(self) -> None:
        """Give the master what is in force here, and hold it against what siblings have."""
        if self._at_start is not None:
            self._siblings.keep(FILE, self._at_start.as_json())
            self._at_start = None
        for said in (await self._siblings.ask(IN_FORCE)).values():
            if said is not None and said["digest"] == self._configuration.origin.digest:
                self._agree(said)
            elif said is not None:
                self._level()
                return

    def _agree(self, said: Mapping[str, Any]) -> None:
        """Say the same as the siblings, whose file is the same."""
        configuration = self._configuration
        configuration.mistakes = tuple(said.get("mistakes", configuration.mistakes))
        configuration.loaded_at_s = said.get("loaded_at_s", configuration.loaded_at_s)
        configuration.in_force_since_s = said.get(
            "in_force_since_s", configuration.in_force_since_s
        )

    async def _in_force(self, _: Any) -> Any:
        configuration = self._configuration
        return {"digest": configuration.origin.digest, **self._state()}

    def _state(self) -> dict[str, Any]:
        return {name: getattr(self._configuration, name) for name in _STATE}

    def _watches(self) -> bool:
        """Whether it is the first of those that serve; the new worker of a place comes before the old one."""
        ready = [one for one in self._siblings.members if one.state == "ready"]
        first = min(ready, key=lambda one: (one.slot, -one.started_at_s, one.id), default=None)
        return first is not None and first.id == self._siblings.id and not self._siblings.replaced

    async def _prepare(self, _: Any) -> Any:
        await self._drop()
        wanted = self._wanted
        try:
            with collector_paused():
                prepared = await self._configuration.prepare()
        except Exception as error:  # noqa: BLE001 - whatever it is, no worker may take the file
            _log.exception("config.not_prepared")
            return {"ok": False, "mistakes": [f"it could not load the file: {error!r}"]}
        if wanted != self._wanted:  # it took too long, and the master went on without it
            await self._forget(prepared)
            return {"ok": False, "mistakes": [TOO_LATE]}
        self._prepared = prepared
        reloaded = prepared.reloaded
        if reloaded.result is Result.REJECTED:
            return {"ok": False, "mistakes": list(reloaded.mistakes)}
        origin = self._configuration.origin if prepared.next is None else prepared.next.origin
        return {
            "ok": True,
            "result": reloaded.result.value,
            "differences": list(reloaded.differences),
            "digest": origin.digest,
        }

    async def _commit(self, said: Mapping[str, Any]) -> Any:
        prepared, self._prepared = self._prepared, None
        if prepared is None:
            return {"ok": False}
        if prepared.next is not None:
            with collector_paused():
                await self._configuration.take(prepared.next)
            if said["tells"]:
                self._siblings.keep(FILE, prepared.next.whole.as_json())
        self._note(said)
        return {"ok": True}

    async def _abort(self, said: Mapping[str, Any]) -> Any:
        await self._drop()
        if not said.get("again"):
            self._note({**said, "result": Result.REJECTED.value})
        return {"ok": True}

    def _note(self, said: Mapping[str, Any]) -> None:
        tells = said["tells"]
        self._configuration.note(_reloaded(said), said["why"], said["at_s"], tells=tells)
        if tells:
            self._siblings.keep(STATE, self._state())

    async def _drop(self) -> None:
        self._wanted += 1
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            await self._forget(prepared)

    async def _forget(self, prepared: Prepared[C]) -> None:
        if prepared.next is not None:
            with collector_paused():
                await self._configuration.drop(prepared.next)

    def _ended(self, _: str, said: Any) -> None:
        self._last = said
        self._has_ended.set()
        self._has_ended = asyncio.Event()
        digest = said.get("digest")
        if (
            digest
            and digest != self._configuration.origin.digest
            and not self._siblings.replaced
            and self._at_start is None
        ):  # it was not among those that were asked
            self._level()

    def _level(self) -> None:
        """Let all have the file that is there now."""
        task = asyncio.create_task(self.reload(ANOTHER))
        self._levelling.add(task)
        task.add_done_callback(self._levelling.discard)


def _reloaded(said: Mapping[str, Any]) -> Reloaded:
    return Reloaded(
        Result(said["result"]),
        differences=tuple(said.get("differences", ())),
        mistakes=tuple(said.get("mistakes", ())),
    )


def answer_without_file(siblings: Siblings) -> None:
    """Answer a reload in a worker that has no file."""

    async def nothing(_: Any) -> Any:
        return {}

    siblings.answers("reload.prepare", nothing)
