"""The shared limiter: checks that wait go to Redis together, one call at a time for each worker."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from importlib.resources import files
from typing import Any

import structlog

from discovery.connecting import connect_async
from discovery.keys import tag
from discovery.settings import RegistrySettings
from middlewares.limiting import Check, Decision, LocalLimiter

#: A registry that is slower than this counts as away.
ANSWER_WITHIN_S = 0.1
#: After a failure each worker decides alone for so long, before Redis is asked again.
ALONE_FOR_S = 1.0
CHECKS_PER_CALL = 500
#: Turns of the event loop in which an answer that has come is taken in.
LOOKS_AFTER_TIME = 5

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
        source = (files("middlewares") / "rate_limit.lua").read_text("utf-8")
        self._script = self._client.register_script(source)
        self._prefix = tag(settings.namespace)
        self._live_workers = live_workers
        self._clock_s = clock_s
        self._local = LocalLimiter()
        self._alone_until_s = 0.0
        self._waiting: list[tuple[Check, asyncio.Future[Decision]]] = []
        self._some_wait = asyncio.Event()

    async def decide(self, check: Check) -> Decision:
        """One decision; cancelling the caller does not disturb the others in the same call."""
        if self._clock_s() < self._alone_until_s:
            return self._decide_alone(check)
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.append((check, future))
        self._some_wait.set()
        return await future

    async def run(self) -> None:
        """Send what waits, and what comes meanwhile in the next call, until cancelled."""
        while True:
            await self._some_wait.wait()
            batch, self._waiting = (
                self._waiting[:CHECKS_PER_CALL],
                self._waiting[CHECKS_PER_CALL:],
            )
            if not self._waiting:
                self._some_wait.clear()
            decisions = await self._decide_together([check for check, _ in batch])
            for (_, future), decision in zip(batch, decisions, strict=True):
                if not future.done():
                    future.set_result(decision)

    async def close(self) -> None:
        await self._client.aclose()

    async def _decide_together(self, checks: Sequence[Check]) -> list[Decision]:
        try:
            decisions = await self._within_time(self._ask(checks))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get their answer
            self._alone_until_s = self._clock_s() + ALONE_FOR_S
            if not self.alone:
                _log.warning("rate_limit.alone", detail=str(error) or "no answer in time")
            self.alone = True
            return [self._decide_alone(check) for check in checks]
        if self.alone:
            _log.info("rate_limit.shared_again")
        self.alone = False
        return decisions

    async def _within_time(self, asking: Coroutine[Any, Any, list[Decision]]) -> list[Decision]:
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

    async def _ask(self, checks: Sequence[Check]) -> list[Decision]:
        keys = [f"{self._prefix}:limit:{c.policy.name}:{c.client}" for c in checks]
        args: list[Any] = []
        for check in checks:
            policy = check.policy
            args += (policy.requests, policy.window_us, policy.resolution_us)
        replies = await self._script(keys=keys, args=args)
        return [
            Decision(c.policy, bool(allowed), remaining, int(next_in_us), c.policy.requests)
            for c, (allowed, remaining, next_in_us) in zip(checks, replies, strict=True)
        ]

    def _decide_alone(self, check: Check) -> Decision:
        now_us = round(self._clock_s() * 1_000_000)
        return self._local.decide(check, now_us, self._live_workers())
