"""What a system costs its registry, by the measured costs of each call; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.carries.costs import Costs
from bench.carries.system import System, calls_of
from discovery.view.returning import spread_s
from middlewares.limits.limiter import ASKS_PER_CALL

MIB = 1024 * 1024
#: What the kernel and TCP add to the bytes of a call and to those of its answer.
PACKET_BYTES = 66
#: A call never takes longer in the model: then the registry is beyond what it can do.
ENDLESS_US = 1e8


@dataclass(frozen=True, slots=True)
class Share:
    """What one kind of work takes of the registry."""

    why: str
    calls_s: float
    cpu: float
    bytes_in_s: float
    bytes_out_s: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """The registry of a system: shares of one core, times in ms, bytes."""

    shares: Sequence[Share]
    cpu: float
    #: A decision of the limiter, from its request; it may wait for the call before its own.
    decision_ms: float
    #: What 99 in 100 of the limiter's calls do not exceed.
    call_p99_ms: float
    #: Asks of a call.
    batch: float
    in_mbit_s: float
    out_mbit_s: float
    memory_mib: float
    #: The registry answers nobody while a worker reads everything.
    snapshot_ms: float
    #: What it works until all workers have read everything again, and until when they have, as after a failover.
    all_again_s: float
    all_back_s: float


def load(system: System, costs: Costs) -> Loaded:
    """What the registry has to do for this system."""
    others = []
    work_us = wakes_us = squares = 0.0
    for one in calls_of(system):
        cpu_us, into, out = costs.of(one.family, one.parts)
        others.append(
            Share(
                one.why,
                one.per_s,
                cpu_us * one.per_s / 1e6,
                (into + PACKET_BYTES) * one.per_s,
                (out + PACKET_BYTES) * one.per_s,
            )
        )
        work_us += cpu_us * one.per_s
        squares += cpu_us**2 * one.per_s
        wakes_us += costs.wake_us(one.family) * one.wakes * one.per_s
    limiter = _Limiter(system, costs, work_us, wakes_us, squares)
    took_us = limiter.time_us()
    batch, busy = limiter.batch(took_us), limiter.busy(took_us)
    cpu_us, into, out = limiter.call(batch)
    limits_s = system.asks_s / batch if system.asks_s else 0.0
    mine = Share(
        "limits",
        limits_s,
        cpu_us * limits_s / 1e6,
        (into + PACKET_BYTES) * limits_s,
        (out + PACKET_BYTES) * limits_s,
    )
    wakes = Share("waking up", 0.0, busy - mine.cpu - sum(one.cpu for one in others), 0.0, 0.0)
    shares = _together([mine, *others, wakes])
    snapshot_us, _, snapshot_bytes = costs.of(
        "snapshots", {"call": 1, "instance": system.instances}
    )
    link_us = snapshot_bytes * 8 / system.link_mbit_s
    again_s = max(snapshot_us, link_us) * system.followers / 1e6
    waited_us = took_us - limiter.way_us
    return Loaded(
        shares,
        busy,
        limiter.decision_us(took_us) / 1000,
        # The waiting times of a queue fall off like an exponential at worst.
        (limiter.way_us + waited_us * math.log(100)) / 1000,
        batch,
        sum(one.bytes_in_s for one in shares) * 8 / 1e6,
        sum(one.bytes_out_s for one in shares) * 8 / 1e6,
        _memory(system, costs) / MIB,
        snapshot_us / 1000,
        again_s,
        max(again_s, spread_s(system.followers, system.instances)),
    )


class _Limiter:
    """The limiter's calls in the registry's queue: the longer one takes, the more asks the next has."""

    def __init__(
        self, system: System, costs: Costs, work_us: float, wakes_us: float, squares: float
    ) -> None:
        self._system = system
        self._costs = costs
        self._work_us = work_us
        self._wakes_us = wakes_us
        self._squares = squares
        self.way_us = max(costs.way_us, system.network_ms * 1000)

    def call(self, batch: float) -> tuple[float, float, float]:
        more = batch * (self._system.limits - 1)
        return self._costs.of("limits", {"call": 1, "ask": batch, "more limit": more})

    def batch(self, took_us: float) -> float:
        """The asks of a call, if a call takes so long: those that came meanwhile, or the first after it."""
        came = self._system.asks_s / self._system.followers * took_us / 1e6
        return min(ASKS_PER_CALL, came + math.exp(-came))

    def decision_us(self, took_us: float) -> float:
        """The time of a decision: requests that come while a call is under way wait for half of it too."""
        came = self._system.asks_s / self._system.followers * took_us / 1e6
        return took_us * (1 + came / self.batch(took_us) / 2)

    def busy(self, took_us: float) -> float:
        """The share of its time that the registry works; above 1 it would have to."""
        batch = self.batch(took_us)
        calls_s = self._system.asks_s / batch
        work_us = self._work_us + calls_s * self.call(batch)[0]
        # It wakes up for a call that comes while it has nothing to do.
        wakes_us = self._wakes_us + self._costs.wake_us("limits") * calls_s
        return (work_us + wakes_us) / (1e6 + wakes_us) if work_us < 1e6 else work_us / 1e6

    def time_us(self) -> float:
        """How long a call takes: where the time that it would take is the time that was assumed."""
        least, most = self.way_us, ENDLESS_US
        if self._would_take_us(most) > most:
            return most
        for _ in range(100):
            middle = (least + most) / 2
            if self._would_take_us(middle) > middle:
                least = middle
            else:
                most = middle
        return most

    def _would_take_us(self, took_us: float) -> float:
        """The way, the work, and the wait for the calls of others (the mean of an M/G/1 queue)."""
        busy = self.busy(took_us)
        if busy >= 1:
            return math.inf
        batch = self.batch(took_us)
        own_us = self.call(batch)[0]
        squares = self._squares + self._system.asks_s / batch * own_us**2
        return self.way_us + own_us + squares / 1e6 / (1 - busy)


def _together(shares: Sequence[Share]) -> list[Share]:
    """One row for each kind of work."""
    rows: dict[str, Share] = {}
    for one in shares:
        before = rows.get(one.why, Share(one.why, 0, 0, 0, 0))
        rows[one.why] = Share(
            one.why,
            before.calls_s + one.calls_s,
            before.cpu + one.cpu,
            before.bytes_in_s + one.bytes_in_s,
            before.bytes_out_s + one.bytes_out_s,
        )
    return list(rows.values())


def _memory(system: System, costs: Costs) -> float:
    """Bytes of data and connections; each worker has three, each instance that sends heartbeats one."""
    each = costs.memory
    of_clients = each["client"] + max(0.0, system.asks - 1) * each["further ask"]
    connections = 3 * system.followers + system.instances / system.heartbeats_per_call
    return (
        system.instances * each["instance"]
        + system.clients * system.limits * of_clients * (system.limited > 0)
        + connections * each["follower"]
        + each["events"]
    )
