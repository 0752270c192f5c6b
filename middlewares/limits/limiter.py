"""The shared limiter: each worker sends its waiting asks to Redis together, one call at a time."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog

from discovery.model.settings import RegistrySettings
from discovery.store.keys import tag
from discovery.store.link import Link, Script
from middlewares.limits.deciding import Ask, Decision, Held, Settled
from middlewares.limits.deciding.alone import RENEWED_AFTER_US, OwnAccounts
from middlewares.limits.deciding.crossing import DECIDED, Call, call_of, spread, state_of
from middlewares.limits.deciding.held import held_by
from middlewares.limits.deciding.refusing import Refusals
from middlewares.limits.deciding.telling import Lesson, Telling
from middlewares.limits.waiting import Waiting, answer

#: A registry that answers more slowly counts as away.
ANSWER_WITHIN_S = 0.1
#: After a failure a worker decides alone for this long before it asks Redis again.
ALONE_FOR_S = 1.0
ASKS_PER_CALL = 500
#: Calls in which a worker that stops may tell what it must, 500 keys each.
LAST_CALLS = 20
#: Turns of the event loop in which other requests may join a call: a call costs more than many asks.
GATHERING_TURNS = 3

_log = structlog.get_logger()


async def _at_once(decision: Decision) -> Decision:
    return decision


class SharedLimiter:
    """Decides asks for all workers and gateways together; while the registry is away, alone, and says so.

    A decision on a budget or on requests in flight has `held`, which the caller must give to `settle` or
    `give_back` once, when the exchange ends. Both return at once; the registry is told in the next call.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        live_workers: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.alone = False
        #: The units that were charged above what was reserved, by the budget's name.
        self.overdrafts: dict[str, int] = {}
        self._link = Link(settings.redis_url)
        self._script = Script(Path(__file__).with_name("rate_limit.lua").read_text("utf-8"))
        self._prefix = tag(settings.namespace)
        self._live_workers = live_workers
        self._clock_s = clock_s
        self._own = OwnAccounts()
        self._telling = Telling(self._own)
        self._alone_until_s = 0.0
        #: Until then (seconds of the clock) the registry hears what all workers know, and decides
        #: nothing that is held.
        self._settling_until_s = 0.0
        self._waiting = Waiting()
        self._refusals = Refusals()
        self._some_wait = asyncio.Event()
        self._waking: asyncio.TimerHandle | None = None

    def decide(self, ask: Ask) -> Awaitable[Decision]:
        """Decide one ask; cancelling the caller does not disturb the others in the same call.

        A caller that is cancelled before it has its decision holds nothing.
        """
        now_s = self._clock_s()
        if now_s < self._alone_until_s:
            return _at_once(self._decide_alone(ask))
        if now_s < self._refusals.last_s:
            refusal = self._refusals.find(ask, now_s)
            if refusal is not None:
                return _at_once(refusal)
        if ask.holds:
            if now_s < self._settling_until_s:
                return _at_once(self._decide_alone(ask))
            return self._decide_held(ask)
        return self._in_the_next_call(ask)

    async def charge_after(self, ask: Ask, status: int) -> None:
        """Charge the checks of an ask that count answers with this status.

        It returns once that is done, so that a client that has its answer has been counted.
        """
        charge = ask.after(status)
        if charge is None:
            return
        if self._clock_s() < self._alone_until_s:
            self._decide_alone(charge)
        else:
            await self._in_the_next_call(charge)

    def settle(self, held: Held, spent: Mapping[str, int] | None = None) -> None:
        """Charge what a request has spent, and give the rest back; only the first call for a `held` counts.

        `spent` has the units by the budget's name. A budget that is not in it is charged all that was
        reserved. More than was reserved is charged too, and counted in `overdrafts`.
        """
        self._settled(held.settle(spent))

    def give_back(self, held: Held) -> None:
        """Settle a request that has cost nothing."""
        self._settled(held.give_back())

    async def extend(self, held: Held, name: str, units: int) -> bool:
        """Reserve so many units more in the budget of this name; False: there is no room, or no budget.

        A reader of cost that asks before it passes on what costs more than is reserved exceeds no budget.
        What is reserved after the request was settled is given back, and the answer is False.
        """
        check = held.budget(name)
        if check is None or units < 1:
            return False
        decision = await self.decide(Ask((check,), more=units))
        if decision.held is None:
            return False
        if held.add(check, units):
            decision.held.is_settled = True  # it is settled with the rest
            return True
        self.give_back(decision.held)
        return False

    def reserved(self) -> dict[str, int]:
        """The units that requests of this worker hold now, by the policy's name."""
        return self._own.reserved()

    async def _decide_held(self, ask: Ask) -> Decision:
        future = self._in_the_next_call(ask, holds=True)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                held = future.result().held
                if held is not None:
                    self.give_back(held)
            raise

    def _settled(self, settled: Sequence[Settled]) -> None:
        if not settled:
            return
        for one in settled:
            if one.overdraft:
                name = one.check.policy.name
                self.overdrafts[name] = self.overdrafts.get(name, 0) + one.overdraft
        self._own.settle(settled, self._now_us)
        self._some_wait.set()

    def _in_the_next_call(self, ask: Ask, *, holds: bool = False) -> asyncio.Future[Decision]:
        future: asyncio.Future[Decision] = self._running_loop.create_future()
        self._waiting.add(ask, future, holds=holds)
        self._some_wait.set()
        return future

    @cached_property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        # Kept, because up to CPython 3.12 each get_running_loop is a system call.
        return asyncio.get_running_loop()

    @property
    def _now_us(self) -> int:
        return round(self._clock_s() * 1_000_000)

    async def run(self) -> None:
        """Send the waiting asks and what must be told, and then what came meanwhile, until cancelled."""
        while True:
            await self._some_wait.wait()
            for _ in range(GATHERING_TURNS):
                await asyncio.sleep(0)
            batch = self._waiting.take(ASKS_PER_CALL)
            if not self._waiting:
                self._some_wait.clear()
            if not batch and self._clock_s() < self._alone_until_s:
                self._wake_later()
                continue
            decided = await self._decide_together(
                [(ask, len(futures)) for ask, futures in batch.items()]
            )
            for futures, decisions in zip(batch.values(), decided, strict=True):
                for decision in answer(futures, decisions):
                    if decision.held is not None:
                        self.give_back(decision.held)
            if self._own:
                self._wake_later()

    async def close(self) -> None:
        """Tell the registry what it must still hear, if it is there, and let go of it."""
        if self._waking is not None:
            self._waking.cancel()
        with contextlib.suppress(Exception):
            for _ in range(LAST_CALLS):
                if not self._telling.has_something or self._clock_s() < self._alone_until_s:
                    break
                await self._ask(())
        await self._link.close()

    def _wake_later(self) -> None:
        """Call the registry at once if it must be told something, and later so that nothing held lapses."""
        if self._telling.has_something and self._clock_s() >= self._alone_until_s:
            self._some_wait.set()
            return
        after_s = ALONE_FOR_S if self._telling.has_something else RENEWED_AFTER_US / 1_000_000
        at_s = self._running_loop.time() + after_s
        if self._waking is not None:
            if self._waking.when() <= at_s:
                return
            self._waking.cancel()
        self._waking = self._running_loop.call_at(at_s, self._wake)

    def _wake(self) -> None:
        self._waking = None
        self._own.renew(self._now_us)
        self._some_wait.set()

    async def _decide_together(
        self, asked: Sequence[tuple[Ask, int]]
    ) -> Sequence[Sequence[Decision]]:
        try:
            decided = await self._ask(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get their answer
            self._alone_until_s = self._clock_s() + ALONE_FOR_S
            self._telling.gone(self._now_us)
            if not self.alone:
                _log.warning("rate_limit.alone", detail=str(error) or "no answer in time")
            self.alone = True
            return [[self._decide_alone(ask) for _ in range(count)] for ask, count in asked]
        if self.alone:
            _log.info("rate_limit.shared_again")
        self.alone = False
        return decided

    async def _ask(self, asked: Sequence[tuple[Ask, int]]) -> Sequence[Sequence[Decision]]:
        """Decide each ask as often as it was asked; the admitted decisions come first."""
        if asked and not self._waiting.holds and not self._telling.has_something:
            # The quick way.
            reply = await self._call(call_of(self._prefix, asked))
            self._telling.is_back()
            return self._read_rates(asked, reply)
        self._waiting.holds = bool(self._waiting)
        if (again := self._telling.again(self._now_us)) is not None:
            await self._tell(again, ())
        checks = [check for ask, _ in asked for check in ask.checks]
        return await self._tell(self._telling.next(checks, self._now_us), asked)

    async def _tell(
        self, lesson: Lesson, asked: Sequence[tuple[Ask, int]]
    ) -> Sequence[Sequence[Decision]]:
        """Tell the registry something, and ask it."""
        try:
            reply = await self._call(call_of(self._prefix, asked, lesson.told, lesson.caller))
            state = state_of(reply)
        except BaseException:
            held = [check for ask, _ in asked for check in ask.checks if check.policy.is_held]
            self._telling.failed(lesson, held, self._now_us)
            raise
        self._telling.answered(lesson, state, self._now_us)
        self._settling_until_s = self._clock_s() + state.settling_us / 1_000_000
        if state.word == DECIDED:
            return self._read(asked, reply)
        return await self._decide_unsettled(asked)

    async def _decide_unsettled(
        self, asked: Sequence[tuple[Ask, int]]
    ) -> Sequence[Sequence[Decision]]:
        """Decide alone what is held, and have the registry decide the rest."""
        rates = [(ask, count) for ask, count in asked if not ask.holds]
        reply = await self._call(call_of(self._prefix, rates)) if rates else ()
        of_rates = iter(self._read_rates(rates, reply))
        return [
            [self._decide_alone(ask) for _ in range(count)] if ask.holds else next(of_rates)
            for ask, count in asked
        ]

    async def _call(self, call: Call) -> Any:
        return await self._link.run(self._script, call.keys, call.args, within_s=ANSWER_WITHIN_S)

    def _read(self, asked: Sequence[tuple[Ask, int]], reply: Sequence[Any]) -> list[list[Decision]]:
        """Read what the registry has decided, and note what is held."""
        decided = self._read_rates(asked, reply)
        now_us = self._now_us
        for number, (ask, _) in enumerate(asked):
            if ask.holds:
                decided[number] = [
                    one._replace(held=self._own.note(one, now_us, ask.more))
                    for one in decided[number]
                ]
        return decided

    def _read_rates(
        self, asked: Sequence[tuple[Ask, int]], reply: Sequence[Any]
    ) -> list[list[Decision]]:
        decided = []
        for (ask, count), of_ask in zip(asked, reply, strict=False):
            decisions = spread(ask, count, of_ask)
            if not decisions[-1].allowed:
                self._refusals.remember(decisions[-1], self._clock_s())
            decided.append(decisions)
        return decided

    def _decide_alone(self, ask: Ask) -> Decision:
        decision = self._own.decide(ask, self._now_us, self._live_workers())
        return decision._replace(held=held_by(decision, ask.more)) if ask.holds else decision
