"""The client that the hop uses: a connection pool for each instance, and its requests in flight."""

import asyncio

from discovery.model.instance import Instance
from discovery.view.view import Event, View
from gateway.upstream.dialing import Dialer
from gateway.upstream.latency import Latency, Siblings
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.messages import ReadPlain
from gateway.upstream.pool import Pool
from middlewares.failures import UpstreamUnreachable

#: A time-out is noticed at most this much too late.
SWEEP_INTERVAL_S = 0.1


class UpstreamClient:
    """Holds a pool for each instance key; a pool stays when the view changes but its instance does not."""

    def __init__(
        self, dialer: Dialer, limits: UpstreamLimits, read_plain: ReadPlain | None = None
    ) -> None:
        self.dialer = dialer
        self._pools: dict[str, Pool] = {}
        self._siblings: dict[str, Siblings] = {}
        #: Pools of instances that are gone, kept until their last request is over.
        self._leaving: set[Pool] = set()
        self._limits = limits
        self._read_plain = read_plain
        self._view: View | None = None

    def in_flight(self, key: str) -> int:
        """The requests in flight at an instance, including those that wait for a connection or open one."""
        pool = self._pools.get(key)
        count = pool.in_flight if pool is not None else 0
        if self._leaving:  # a draining instance may have requests here
            count += sum(one.in_flight for one in self._leaving if one.instance.key == key)
        return count

    def load(self, instance: Instance) -> Pool | None:
        """The load of an instance; None: no request has gone to it since it registered."""
        return self._pools.get(instance.key)

    def latency(self, key: str) -> Latency | None:
        """The latency of an instance; None: no request has gone to it."""
        pool = self._pools.get(key)
        return None if pool is None else pool.latency

    def attempt_failed(self, key: str, took_s: float) -> None:
        """Learn from an attempt that got no answer, after this time."""
        pool = self._pools.get(key)
        if pool is not None:
            pool.failed(took_s)

    def unanswered(self, key: str) -> int:
        """The requests at an instance that have no answer yet; open tunnels do not count."""
        return sum(
            pool.unanswered
            for pool in (*self._pools.values(), *self._leaving)
            if pool.instance.key == key
        )

    def pool(self, instance: Instance) -> Pool:
        """The instance's pool; an instance that has moved gets a new one.

        Raises UpstreamUnreachable if the instance has begun to drain, or has left, since it became
        a candidate: a retry must not reach an instance whose drain has been acknowledged.
        """
        pool = self._pools.get(instance.key)
        if pool is not None:
            if pool.instance is instance:
                return pool
            if pool.instance.endpoint == instance.endpoint:  # it has registered again
                pool.instance = instance
                return pool
            self._let_go(instance.key, pool)
        elif self._has_left(instance):
            raise UpstreamUnreachable("the instance takes no more requests")
        siblings = self._siblings.setdefault(instance.name, Siblings())
        pool = Pool(instance, self.dialer, self._limits, self._read_plain, siblings)
        siblings.latencies.append(pool.latency)
        self._pools[instance.key] = pool
        return pool

    def busy(self) -> list[Pool]:
        """The pools with requests under way."""
        return [pool for pool in self._pools.values() if pool.active]

    def siblings(self, pool: Pool) -> list[Pool]:
        """The pools of the service's other instances."""
        name = pool.instance.name
        return [one for one in self._pools.values() if one.instance.name == name and one != pool]

    def connections(self) -> dict[tuple[str, str], int]:
        """Open connections by service and state."""
        counts: dict[tuple[str, str], int] = {}
        for pool in (*self._pools.values(), *self._leaving):
            for state, count in (("active", len(pool.active)), ("idle", pool.idle)):
                key = (pool.instance.name, state)
                counts[key] = counts.get(key, 0) + count
        return counts

    def view_changed(self, _before: View, after: View, event: Event | None) -> None:
        """Close the idle connections of instances that are gone or draining; the watcher calls this."""
        self._view = after
        for key in list(self._pools) if event is None else [event.key]:
            pool = self._pools.get(key)
            entry = after.services.get(key.partition("/")[0], {}).get(key)
            if pool is not None and (entry is None or entry.draining):
                self._let_go(key, pool)

    def instance_moved(self, key: str, instance: Instance) -> None:
        """Keep the pool of an instance that has had this key."""
        pool = self._pools.pop(key, None)
        if pool is None:
            return
        if pool.instance.name != instance.name:
            self._part(pool)
            pool.latency.siblings = self._siblings.setdefault(instance.name, Siblings())
            pool.latency.siblings.latencies.append(pool.latency)
            pool.latency.siblings.are_stirred = True
        pool.instance = instance
        self._pools[instance.key] = pool

    async def run(self) -> None:
        """Sweep until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            now_s = loop.time()
            for pool in (*self._pools.values(), *self._leaving):
                pool.sweep(now_s)
            self._leaving = {pool for pool in self._leaving if pool.in_flight}
            for siblings in self._siblings.values():
                siblings.compare(now_s)
            self.dialer.resolver.refresh()

    def close(self) -> None:
        """End every idle connection."""
        for key, pool in list(self._pools.items()):
            self._let_go(key, pool)

    def _has_left(self, instance: Instance) -> bool:
        if self._view is None:
            return False
        entry = self._view.services.get(instance.name, {}).get(instance.key)
        return entry is None or entry.draining

    def _let_go(self, key: str, pool: Pool) -> None:
        del self._pools[key]
        self._part(pool)
        pool.close()
        self._leaving.add(pool)

    def _part(self, pool: Pool) -> None:
        """Compare a pool with its siblings no longer."""
        siblings = pool.latency.siblings
        siblings.latencies.remove(pool.latency)
        if not siblings.latencies:
            self._siblings.pop(pool.instance.name, None)
