"""Reads entries from Redis for all who ask at once: one call is under way at a time."""

import asyncio
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import structlog

from discovery.store.link import Link
from middlewares.cache.entry import Entry
from middlewares.cache.stores import codec
from middlewares.cache.stores.reach import Reach
from middlewares.cache.stores.scripts import SCRIPTS

#: A call that takes longer has failed.
ANSWER_WITHIN_S: Final = 0.1
#: A client waits no longer than this, or than four times what calls take, but never longer than the last;
#: and no longer than the first while Redis is away.
PATIENCE_S: Final = 0.005
PATIENCE_IN_CALLS: Final = 4
MOST_PATIENCE_S: Final = 0.05
#: Scripts cut their time to this.
REDIS_CLOCK_S: Final = 0.001
READS_PER_CALL: Final = 100
#: After so many bytes the rest of a call is left for the next one.
BYTES_PER_CALL: Final = 4 * 1024 * 1024
#: Turns of the event loop in which others may join a call.
GATHERING_TURNS: Final = 2
#: After the time an answer may still be read in so many turns of the event loop.
LOOKS_AFTER_TIME: Final = 5

_NOTHING, _MARK, _OTHER_NAMES, _ENTRY = 0, 1, 2, 4

_log = structlog.get_logger()


class Mark(NamedTuple):
    """What is asked for under this key could not be kept: nobody waits for another one's answer."""

    left_s: float


class Names(NamedTuple):
    """Other entries are kept under the primary key; these names of Vary tell them apart."""

    vary: tuple[bytes, ...]


Found = Entry | Mark | Names | None
_Id = tuple[bytes, bytes]


class Reads:
    """Gives whoever asks what is found, or None: nothing, or not in time."""

    def __init__(
        self, link: Link, keys: Sequence[str], reach: Reach, clock_s: Callable[[], float]
    ) -> None:
        self.bad_records = 0
        #: What was given up although Redis may have it.
        self.late = 0
        #: The time by Redis's clock less that by ours, at least; None before the first answer.
        self.behind_s: float | None = None
        self._link = link
        self._keys = keys
        self._reach = reach
        self._clock_s = clock_s
        self._waiting: dict[_Id, list[asyncio.Future[Found]]] = {}
        self._asked: dict[_Id, list[asyncio.Future[Found]]] = {}
        self._patient: set[asyncio.Future[Found]] = set()
        self._some_wait = asyncio.Event()
        self._timer: asyncio.Handle | None = None
        self._is_late = False
        self._usual_s = 0.0

    async def ask(self, digest: bytes, id_: bytes, *, patient: bool) -> Found:
        """What is kept under an id; `patient`: as long as the call may take."""
        reach = self._reach
        patient = patient and not reach.is_away
        if not reach.may_ask or (self._is_late and not patient):
            return None
        future: asyncio.Future[Found] = self._loop.create_future()
        self._waiting.setdefault((digest, id_), []).append(future)
        if patient:
            self._patient.add(future)
            future.add_done_callback(self._patient.discard)
        elif self._timer is None:
            self._timer = self._loop.call_later(self._patience_s, self._look, LOOKS_AFTER_TIME)
        self._some_wait.set()
        return await future

    async def run(self) -> None:
        """Ask Redis for what is waited for, until cancelled."""
        try:
            while True:
                await self._some_wait.wait()
                for _ in range(GATHERING_TURNS):
                    await asyncio.sleep(0)
                ids = list(self._waiting)[:READS_PER_CALL]
                self._asked = {one: self._waiting.pop(one) for one in ids}
                await self._call(ids)
                if not self._waiting:
                    self._some_wait.clear()
        finally:
            self._give_up(all_of_them=True)

    async def _call(self, ids: Sequence[_Id]) -> None:
        args: list[bytes | int] = [BYTES_PER_CALL]
        for one in ids:
            args += one
        began_s = self._clock_s()
        try:
            reply = await self._link.run(SCRIPTS["get"], self._keys, args, within_s=ANSWER_WITHIN_S)
            redis_now_ms, *found = reply
            redis_now_ms = int(redis_now_ms)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a miss
            self._reach.failed(error)
            self._give_up(all_of_them=True)
            return
        finally:
            self._is_late = False
        ended_s = self._clock_s()
        self.behind_s = redis_now_ms / 1000 - ended_s
        took_s = ended_s - began_s
        self._usual_s += (took_s - self._usual_s) / 8
        self._reach.answered()
        for one, answer in zip(ids, found, strict=False):
            self._deliver(one, answer, redis_now_ms, began_s)
        self._start_again()

    def _deliver(self, one: _Id, answer: Sequence[Any], redis_now_ms: int, began_s: float) -> None:
        futures = [future for future in self._asked.pop(one) if not future.done()]
        if not futures:
            return
        if answer[0] not in (_NOTHING, _MARK, _OTHER_NAMES, _ENTRY):  # it goes into the next call
            self._waiting.setdefault(one, []).extend(futures)
            return
        try:
            found = self._found(answer, redis_now_ms, began_s)
        except codec.BadRecord as error:
            self._bad(error)
            found = None
        for future in futures:
            future.set_result(found)

    def _found(self, answer: Sequence[Any], redis_now_ms: int, began_s: float) -> Found:
        if answer[0] == _ENTRY:
            # Redis has looked at its clock later than this: an entry never looks newer than it is, or a purge
            # from before it was stored would seem to have come before it.
            now_s = began_s - REDIS_CLOCK_S
            return codec.read(answer[1], answer[2], redis_now_ms=redis_now_ms, now_s=now_s)
        if answer[0] == _MARK:
            return Mark(int(answer[1]) / 1000)
        if answer[0] == _OTHER_NAMES:
            return Names(tuple(answer[1].split(b",")) if answer[1] else ())
        return None

    def _bad(self, error: Exception) -> None:
        self.bad_records += 1
        if self.bad_records == 1:
            _log.warning("cache.invalid_record", detail=str(error))

    def _look(self, turns_left: int) -> None:
        if turns_left:
            self._timer = self._loop.call_soon(self._look, turns_left - 1)
            return
        self._timer = None
        self._is_late = bool(self._asked)
        self._give_up(all_of_them=False)

    def _give_up(self, *, all_of_them: bool) -> None:
        """Let those go who wait, or only those who do not want to wait as long as a call takes."""
        for waiting in (self._asked, self._waiting):
            for futures in waiting.values():
                for future in futures:
                    if not future.done() and (all_of_them or future not in self._patient):
                        self.late += 1
                        future.set_result(None)
        if all_of_them:
            self._asked.clear()
            self._waiting.clear()
            self._start_again()

    def _start_again(self) -> None:
        """Give the time to those who wait for the next call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = self._loop.call_later(self._patience_s, self._look, LOOKS_AFTER_TIME)

    @property
    def _patience_s(self) -> float:
        if self._reach.is_away:  # what calls took before says nothing of one that is away
            return PATIENCE_S
        return min(MOST_PATIENCE_S, max(PATIENCE_S, PATIENCE_IN_CALLS * self._usual_s))

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()
