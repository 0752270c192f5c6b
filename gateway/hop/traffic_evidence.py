"""What real requests say of an instance's health: failed connects at once, silence by a sweep."""

import asyncio
from collections.abc import Callable

from discovery.health.evidence_texts import connect_failed
from discovery.health.machine import Health
from discovery.model.instance import Instance
from gateway.hop.deciding.suspecting import MOVED_AFTER_S, is_suspect, silent_since
from gateway.upstream.client import UpstreamClient
from gateway.upstream.pool import Pool
from middlewares.failures import UpstreamUnreachable

SWEEP_INTERVAL_S = 0.1
#: A sweep that comes later than this finds requests aged by the gateway's own pause.
LATE_AFTER_S = 0.25

#: Have an instance suspected and probed, with the evidence for people.
OnDoubt = Callable[[Instance, str], None]


class TrafficEvidence:
    """Hands doubts to the prober, and moves what waits at an instance that does not answer it.

    A death on a reused connection is no evidence, and neither is anything that the client did.
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
        #: Busy pools whose instance is not to be chosen, and since when (loop time).
        self._doubted_s: dict[Pool, float] = {}

    def attempt_ended(self, instance: Instance, outcome: object) -> None:
        """An attempt came to an answer or a failure: a connect that failed counts.

        One that was not tried, since the instance drains, has no cause.
        """
        if isinstance(outcome, UpstreamUnreachable) and outcome.__cause__ is not None:
            self._doubt(instance, connect_failed(outcome.__cause__))

    async def run(self) -> None:
        """Sweep until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await asyncio.sleep(SWEEP_INTERVAL_S)
            if loop.time() - began_s < LATE_AFTER_S:
                self.sweep(loop.time())

    def sweep(self, now_s: float) -> None:
        """Look once at every instance with requests under way."""
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
            pool.answered_s = now_s  # a probe has answered for what still waits
        waiting_s = (one.began_s for one in pool.active if one.is_waiting)
        since_s = silent_since(waiting_s, pool.answered_s)
        if since_s is None:
            return
        siblings_s = (one.answered_s for one in self._upstreams.siblings(pool))
        if is_suspect(since_s, siblings_s, now_s):
            self._doubted_s[pool] = now_s
            silent_ms = round((now_s - since_s) * 1000)
            self._doubt(pool.instance, f"no answer for {silent_ms} ms while others answer")
