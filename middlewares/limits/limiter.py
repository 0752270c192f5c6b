"""The shared limiter: each worker sends its waiting asks to Redis together, one call at a time."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from weakref import WeakKeyDictionary

import structlog

from discovery.model.settings import RegistrySettings
from discovery.store.keys import tag
from discovery.store.link import Link, Script
from middlewares.limits.deciding import (
    STILL_USED_UP,
    Ask,
    Decision,
    LocalLimiter,
    Policy,
    arguments,
    spread,
)

#: A registry that answers more slowly counts as away.
ANSWER_WITHIN_S = 0.1
#: After a failure a worker decides alone for this long before it asks Redis again.
ALONE_FOR_S = 1.0
ASKS_PER_CALL = 500
#: Turns of the event loop in which other requests may join a call: a call costs more than many asks.
GATHERING_TURNS = 3
#: How many refusals of a policy are remembered, so that a flood costs the registry nothing; all are
#: forgotten at the cap.
REFUSALS_REMEMBERED = 10_000

_log = structlog.get_logger()


async def _at_once(decision: Decision) -> Decision:
    return decision


class SharedLimiter:
    """Decides asks for all workers and gateways together; while the registry is away, alone, and says so."""

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        live_workers: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.alone = False
        self._link = Link(settings.redis_url)
        self._script = Script(Path(__file__).with_name("rate_limit.lua").read_text("utf-8"))
        self._prefix = tag(settings.namespace)
        self._live_workers = live_workers
        self._clock_s = clock_s
        self._local = LocalLimiter()
        self._alone_until_s = 0.0
        #: The callers that wait for a decision, by their ask; equal asks are sent together.
        self._waiting: dict[Ask, list[asyncio.Future[Decision]]] = {}
        #: When (seconds of the clock) Redis is asked again about a refused client. The entry ends with
        #: its policy, because a new policy of the same name may have room.
        self._refused: WeakKeyDictionary[Policy, dict[str, float]] = WeakKeyDictionary()
        self._refusing_until_s = 0.0
        self._some_wait = asyncio.Event()

    def decide(self, ask: Ask) -> Awaitable[Decision]:
        """Decide one ask; cancelling the caller does not disturb the others in the same call."""
        now_s = self._clock_s()
        if now_s < self._alone_until_s:
            return _at_once(self._decide_alone(ask))
        if now_s < self._refusing_until_s:
            refusal = self._still_refused(ask, now_s)
            if refusal is not None:
                return _at_once(refusal)
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

    def _in_the_next_call(self, ask: Ask) -> asyncio.Future[Decision]:
        future: asyncio.Future[Decision] = self._running_loop.create_future()
        self._waiting.setdefault(ask, []).append(future)
        self._some_wait.set()
        return future

    @cached_property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        # Kept, because up to CPython 3.12 each get_running_loop is a system call.
        return asyncio.get_running_loop()

    async def run(self) -> None:
        """Send the waiting asks, and then those that came meanwhile, until cancelled."""
        while True:
            await self._some_wait.wait()
            for _ in range(GATHERING_TURNS):
                await asyncio.sleep(0)
            batch = dict(islice(self._waiting.items(), ASKS_PER_CALL))
            for ask in batch:
                del self._waiting[ask]
            if not self._waiting:
                self._some_wait.clear()
            decided = await self._decide_together(
                [(ask, len(futures)) for ask, futures in batch.items()]
            )
            for futures, decisions in zip(batch.values(), decided, strict=True):
                for future, decision in zip(futures, decisions, strict=True):
                    if not future.done():
                        future.set_result(decision)

    async def close(self) -> None:
        await self._link.close()

    async def _decide_together(
        self, asked: Sequence[tuple[Ask, int]]
    ) -> Sequence[Sequence[Decision]]:
        try:
            decided = await self._ask(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get their answer
            self._alone_until_s = self._clock_s() + ALONE_FOR_S
            if not self.alone:
                _log.warning("rate_limit.alone", detail=str(error) or "no answer in time")
            self.alone = True
            return [[self._decide_alone(ask) for _ in range(count)] for ask, count in asked]
        if self.alone:
            _log.info("rate_limit.shared_again")
        self.alone = False
        return decided

    async def _ask(self, asked: Sequence[tuple[Ask, int]]) -> list[list[Decision]]:
        """Decide each ask as often as it was asked; the admitted decisions come first."""
        prefix = f"{self._prefix}:limit:"
        keys = [f"{prefix}{p.name}:{client}" for ask, _ in asked for p, client in ask.checks]
        replies = await self._link.run(
            self._script, keys, arguments(asked), within_s=ANSWER_WITHIN_S
        )
        decided = [
            spread(ask, count, reply) for (ask, count), reply in zip(asked, replies, strict=True)
        ]
        for decisions in decided:
            if not decisions[-1].allowed:
                self._remember_refusal(decisions[-1])
        return decided

    def _remember_refusal(self, decision: Decision) -> None:
        for one in (decision, *decision.others):
            if one.allowed:
                continue
            refused = self._refused.setdefault(one.policy, {})
            if len(refused) >= REFUSALS_REMEMBERED:
                refused.clear()
            until_s = self._clock_s() + one.next_in_us / 1_000_000
            refused[one.check.key] = until_s
            self._refusing_until_s = max(self._refusing_until_s, until_s)

    def _still_refused(self, ask: Ask, now_s: float) -> Decision | None:
        for check in ask.checks:
            refused = self._refused.get(check.policy)
            if refused is None or (until_s := refused.get(check.key)) is None:
                continue
            if now_s < until_s:
                left_us = math.ceil((until_s - now_s) * 1_000_000)
                return Decision(check, STILL_USED_UP, 0, left_us, check.policy.requests)
            del refused[check.key]
        return None

    def _decide_alone(self, ask: Ask) -> Decision:
        now_us = round(self._clock_s() * 1_000_000)
        return self._local.decide(ask, now_us, self._live_workers())
