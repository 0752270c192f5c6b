"""Evidence about instances' health from real requests: failed connects at once, silence by a sweep."""

import asyncio
from collections.abc import Callable

from discovery.health.evidence_texts import connect_failed
from discovery.health.machine import Health
from discovery.model.instance import Instance
from gateway.hop.deciding.suspecting import MOVED_AFTER_S, is_suspect, silent_since
from gateway.upstream.client import UpstreamClient
from gateway.upstream.pool import Pool
from middlewares.failures import Failure, UpstreamUnreachable

SWEEP_INTERVAL_S = 0.1
#: A sweep that is later than this finds requests that only the gateway's own pause made old.
LATE_AFTER_S = 0.25

#: Makes an instance suspected and has it probed, with the evidence as text.
OnDoubt = Callable[[Instance, str], None]


class TrafficEvidence:
    """Reports doubts to the prober, and moves requests from an instance that does not answer its probe.

    The end of a reused connection is no evidence, nor is anything that the client did.
    """

    def __init__(
        self,
        upstreams: UpstreamClient,
        health_of: Callable[[str], Health],
        doubt: OnDoubt,
    ) -> None:
        self._upstreams = upstreams
        self._health_of = health_of
        self._doubt = doubt
        #: Busy pools of doubted instances, and since when they are doubted (loop time).
        self._doubted_s: dict[Pool, float] = {}

    def attempt_failed(self, instance: Instance, failure: Failure) -> None:
        """Take the failure of an attempt; a failed connect counts as evidence.

        If no connect was tried, because the instance drains, the failure has no cause.
        """
        if isinstance(failure, UpstreamUnreachable) and failure.cause is not None:
            self._doubt(instance, connect_failed(failure.cause))

    async def run(self) -> None:
        """Sweep until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await asyncio.sleep(SWEEP_INTERVAL_S)
            if loop.time() - began_s < LATE_AFTER_S:
                self.sweep(loop.time())

    def sweep(self, now_s: float) -> None:
        """Look once at every instance with requests in flight."""
        busy = self._upstreams.busy()
        self._doubted_s = {pool: self._doubted_s[pool] for pool in busy if pool in self._doubted_s}
        for pool in busy:
            health = self._health_of(pool.instance.key)
            if health.suspected or health.status == "unhealthy":
                if now_s - self._doubted_s.setdefault(pool, now_s) >= MOVED_AFTER_S:
                    for connection in list(pool.active):
                        connection.move()
            else:
                self._look_at(pool, now_s)

    def _look_at(self, pool: Pool, now_s: float) -> None:
        if self._doubted_s.pop(pool, None) is not None:
            pool.answered_s = now_s  # a probe has answered for waiting requests
        waiting_s = (one.began_s for one in pool.active if one.is_waiting)
        since_s = silent_since(waiting_s, pool.answered_s)
        if since_s is None:
            return
        siblings_s = (one.answered_s for one in self._upstreams.siblings(pool))
        if is_suspect(since_s, siblings_s, now_s):
            self._doubted_s[pool] = now_s
            silent_ms = round((now_s - since_s) * 1000)
            self._doubt(pool.instance, f"no answer for {silent_ms} ms while others answer")
