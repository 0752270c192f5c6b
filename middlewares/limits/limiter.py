"""The shared limiter: checks that wait go to Redis together, one call at a time for each worker."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import structlog

from discovery.model.settings import RegistrySettings
from discovery.store.clients import connect_async
from discovery.store.keys import tag
from middlewares.limits.deciding import Check, Decision, LocalLimiter, spread

#: A registry that is slower than this counts as away.
ANSWER_WITHIN_S = 0.1
#: After a failure each worker decides alone for so long, before Redis is asked again.
ALONE_FOR_S = 1.0
CHECKS_PER_CALL = 500
#: Refusals remembered, so that a flood costs the registry nothing; at the cap all are forgotten.
REFUSALS_REMEMBERED = 10_000
#: Turns of the event loop in which an answer that has come is taken in.
LOOKS_AFTER_TIME = 5

T = TypeVar("T")

_log = structlog.get_logger()


class SharedLimiter:
    """Decides checks over all workers and gateways; alone, and saying so, while the registry is away."""

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        live_workers: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.alone = False
        # One call at a time needs one connection, and the time limit is set here.
        self._client = connect_async(settings.redis_url, blocking=True)
        source = Path(__file__).with_name("rate_limit.lua").read_text("utf-8")
        self._script = self._client.register_script(source)
        self._prefix = tag(settings.namespace)
        self._live_workers = live_workers
        self._clock_s = clock_s
        self._local = LocalLimiter()
        self._alone_until_s = 0.0
        #: Those who wait for a decision, by check: they are asked for together.
        self._waiting: dict[Check, list[asyncio.Future[Decision]]] = {}
        #: When (s of the clock) what was refused may be asked for again.
        self._refused: dict[Check, float] = {}
        self._some_wait = asyncio.Event()

    async def decide(self, check: Check) -> Decision:
        """One decision; cancelling the caller does not disturb the others in the same call."""
        now_s = self._clock_s()
        if now_s < self._alone_until_s:
            return self._decide_alone(check)
        if self._refused and (until_s := self._refused.get(check, 0.0)):
            if now_s < until_s:
                left_us = math.ceil((until_s - now_s) * 1_000_000)
                return Decision(check.policy, False, 0, left_us, check.policy.requests)
            del self._refused[check]
        future: asyncio.Future[Decision] = self._running_loop.create_future()
        self._waiting.setdefault(check, []).append(future)
        self._some_wait.set()
        return await future

    @cached_property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        # Asked for once: until CPython 3.12 each question is a system call.
        return asyncio.get_running_loop()

    async def run(self) -> None:
        """Send what waits, and what comes meanwhile in the next call, until cancelled."""
        while True:
            await self._some_wait.wait()
            batch = dict(islice(self._waiting.items(), CHECKS_PER_CALL))
            for check in batch:
                del self._waiting[check]
            if not self._waiting:
                self._some_wait.clear()
            decided = await self._decide_together(
                [(check, len(futures)) for check, futures in batch.items()]
            )
            for futures, decisions in zip(batch.values(), decided, strict=True):
                for future, decision in zip(futures, decisions, strict=True):
                    if not future.done():
                        future.set_result(decision)

    async def close(self) -> None:
        await self._client.aclose()

    async def _decide_together(
        self, asked: Sequence[tuple[Check, int]]
    ) -> Sequence[Sequence[Decision]]:
        try:
            decided = await self._within_time(self._ask(asked))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get their answer
            self._alone_until_s = self._clock_s() + ALONE_FOR_S
            if not self.alone:
                _log.warning("rate_limit.alone", detail=str(error) or "no answer in time")
            self.alone = True
            return [[self._decide_alone(check) for _ in range(count)] for check, count in asked]
        if self.alone:
            _log.info("rate_limit.shared_again")
        self.alone = False
        return decided

    async def _within_time(self, asking: Coroutine[Any, Any, T]) -> T:
        """The answer, or TimeoutError.

        When this worker itself was busy, the answer may be here though the time is up: it is looked
        for before the registry is blamed.
        """
        task = asyncio.create_task(asking)
        try:
            await asyncio.wait([task], timeout=ANSWER_WITHIN_S)
            for _ in range(LOOKS_AFTER_TIME):
                if task.done():
                    return task.result()
                await asyncio.sleep(0)
            raise TimeoutError
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    async def _ask(self, asked: Sequence[tuple[Check, int]]) -> list[list[Decision]]:
        """The decisions on each check, as many as asked for it: those that are admitted come first."""
        keys = [f"{self._prefix}:limit:{c.policy.name}:{c.client}" for c, _ in asked]
        args: list[Any] = []
        for check, count in asked:
            policy = check.policy
            args += (count, policy.requests, policy.window_us, policy.resolution_us)
        replies = await self._script(keys=keys, args=args)
        decided = [
            spread(check.policy, count, int(admitted), int(remaining), int(next_in_us))
            for (check, count), (admitted, remaining, next_in_us) in zip(
                asked, replies, strict=True
            )
        ]
        for (check, _), decisions in zip(asked, decided, strict=True):
            if not decisions[-1].allowed:
                self._remember_refusal(check, decisions[-1])
        return decided

    def _remember_refusal(self, check: Check, refusal: Decision) -> None:
        if len(self._refused) >= REFUSALS_REMEMBERED:
            self._refused.clear()
        self._refused[check] = self._clock_s() + refusal.next_in_us / 1_000_000

    def _decide_alone(self, check: Check) -> Decision:
        now_us = round(self._clock_s() * 1_000_000)
        return self._local.decide(check, now_us, self._live_workers())
