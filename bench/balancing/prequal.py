"""Prequal (Wydrowski et al., NSDI 2024), as far as five instances let it be: by probes that the instances answer."""

import random
from collections import deque
from dataclasses import dataclass

from bench.balancing.world import World

#: The paper's: probes for each request, the pool's size, a probe's greatest age, the quantile between cold and hot.
PROBES, POOL, AGE_S, HOT = 3, 16, 1.0, 0.84
RTT_S = 0.0005
#: An instance that fails more often counts as hot: the paper's guard against instances that fail fast.
MOST_FAILURES = 0.2


@dataclass(slots=True)
class Probe:
    """What an instance says of itself: its requests in flight from everybody, and its latency now."""

    index: int
    came_s: float
    in_flight: int
    latency_s: float


class Prequal:
    """A gateway that asks instances; each says what all gateways have there, which no gateway knows alone."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self._pool: list[Probe] = []
        self._seen: deque[int] = deque(maxlen=128)
        self._failing = [0.0] * len(world.instances)

    def choose(self, now_s: float, _key: bytes) -> int:
        for _ in range(PROBES):
            index = self._rng.randrange(len(self._failing))
            if self._world.instances[index].fault != "hanging":
                self._world.at(now_s + RTT_S, lambda then_s, one=index: self._take(one, then_s))  # type: ignore[misc]
        self._pool = [one for one in self._pool if now_s - one.came_s < AGE_S]
        if len(self._pool) < 2:
            return self._rng.randrange(len(self._failing))
        ordered = sorted(self._seen)
        hot = ordered[int(HOT * (len(ordered) - 1))]
        cold = [
            one
            for one in self._pool
            if one.in_flight <= hot and self._failing[one.index] < MOST_FAILURES
        ]
        best = _coldest(cold) if cold else min(self._pool, key=lambda one: one.in_flight)
        best.in_flight += 1
        self._forget_one(best)
        return best.index

    def _forget_one(self, used: Probe) -> None:
        """A probe is used once; of the others the worst or the oldest goes, so that the pool does not rot."""
        self._pool.remove(used)
        if len(self._pool) > len(self._failing):
            if self._rng.random() < 0.5:
                self._pool.pop(0)
            else:
                self._pool.remove(max(self._pool, key=lambda one: (one.in_flight, one.latency_s)))

    def _take(self, index: int, now_s: float) -> None:
        instance = self._world.instances[index]
        latest = sorted(instance.latest_s)
        probe = Probe(index, now_s, instance.in_flight, latest[len(latest) // 2])
        self._seen.append(probe.in_flight)
        self._pool = [*self._pool, probe][-POOL:]

    def sent(self, index: int, now_s: float) -> None: ...

    def answered(self, index: int, _sent_s: float, _now_s: float, *, failed: bool) -> None:
        self._failing[index] += (failed - self._failing[index]) / 8

    def timed_out(self, index: int, _sent_s: float, _now_s: float) -> None:
        self._failing[index] += (1 - self._failing[index]) / 8

    def sweep(self, now_s: float) -> None: ...


def _coldest(probes: list[Probe]) -> Probe:
    return min(probes, key=lambda one: one.latency_s)
