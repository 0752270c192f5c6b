"""A service of some instances and the gateways in front of it, on simulated time."""

import heapq
import random
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, Protocol

Fault = Literal["none", "slow", "failing", "hanging", "tail"]

#: Requests that an instance works on at a time; the others wait in its queue.
WORKERS = 4
MEDIAN_S, SIGMA = 0.008, 0.6
#: The faulty instance takes so many times as long, or fails so fast.
SLOWER = 20
FAILS_IN_S = 0.001
#: One request in so many takes so long, at any instance.
TAIL, TAIL_S = 100, 0.2
TIMEOUT_S = 2.0
FAULT_FROM_S = 5.0
SWEEP_S = 0.1


class Way(Protocol):
    """One gateway's way of balancing."""

    def choose(self, now_s: float, key: bytes) -> int:
        """The index of the instance for a request."""

    def sent(self, index: int, now_s: float) -> None: ...

    def answered(self, index: int, sent_s: float, now_s: float, *, failed: bool) -> None: ...

    def timed_out(self, index: int, sent_s: float, now_s: float) -> None: ...

    def sweep(self, now_s: float) -> None:
        """What the gateway does ten times a second."""


@dataclass
class Instance:
    """One instance as it is; `in_flight` counts what all gateways have there."""

    fault: Fault = "none"
    working: int = 0
    in_flight: int = 0
    queue: deque[Callable[[float], None]] = field(default_factory=deque)
    #: The latencies of the last answers, for those who ask the instance.
    latest_s: deque[float] = field(default_factory=lambda: deque([MEDIAN_S], maxlen=16))


@dataclass
class Outcome:
    """`latencies_s` of the answers that were good; `shares` by instance."""

    latencies_s: list[float] = field(default_factory=list)
    lost: int = 0
    shares: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def requests(self) -> int:
        return len(self.latencies_s) + self.lost

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class World:
    """Runs requests through gateways; the last instance gets the fault."""

    def __init__(self, fault: Fault, seed: int, instances: int = 5) -> None:
        self.rng = random.Random(seed)
        self.instances = [Instance() for _ in range(instances)]
        self.outcome = Outcome()
        self._fault: Fault = fault
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()

    def at(self, when_s: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when_s, next(self._numbers), what))

    def run(self, gateways: list[Way], per_second: float, for_s: float) -> Outcome:
        """Send Poisson traffic, each request through one of the gateways."""

        def arrive(now_s: float) -> None:
            if now_s < for_s:
                self.at(now_s + self.rng.expovariate(per_second), arrive)
                self._send(self.rng.choice(gateways), now_s)

        def sweep(now_s: float) -> None:
            for gateway in gateways:
                gateway.sweep(now_s)
            if now_s < for_s:
                self.at(now_s + SWEEP_S, sweep)

        def break_one(_now_s: float) -> None:
            self.instances[-1].fault = self._fault

        self.at(0.0, arrive)
        self.at(self.rng.random() * SWEEP_S, sweep)
        self.at(FAULT_FROM_S, break_one)
        while self._events:
            now_s, _, what = heapq.heappop(self._events)
            what(now_s)
        return self.outcome

    def _send(self, gateway: Way, now_s: float) -> None:
        key = b"user-%d" % self.rng.randrange(1000)
        index = gateway.choose(now_s, key)
        gateway.sent(index, now_s)
        instance = self.instances[index]
        instance.in_flight += 1
        self.outcome.shares[index] += 1
        if instance.fault == "hanging":
            self.at(now_s + TIMEOUT_S, lambda then_s: self._lose(gateway, index, now_s, then_s))
        elif instance.fault == "failing":
            self.at(now_s + FAILS_IN_S, lambda then_s: self._fail(gateway, index, now_s, then_s))
        else:
            begin = self._beginning(gateway, instance, index, now_s)
            if instance.working < WORKERS:
                begin(now_s)
            else:
                instance.queue.append(begin)

    def _beginning(
        self, gateway: Way, instance: Instance, index: int, sent_s: float
    ) -> Callable[[float], None]:
        def begin(now_s: float) -> None:
            instance.working += 1
            self.at(now_s + self._takes_s(instance), end)

        def end(now_s: float) -> None:
            instance.working -= 1
            instance.in_flight -= 1
            instance.latest_s.append(now_s - sent_s)
            if instance.queue:
                instance.queue.popleft()(now_s)
            gateway.answered(index, sent_s, now_s, failed=False)
            self.outcome.latencies_s.append(now_s - sent_s)

        return begin

    def _takes_s(self, instance: Instance) -> float:
        takes_s = self.rng.lognormvariate(0.0, SIGMA) * MEDIAN_S
        if self._fault == "tail" and self.rng.randrange(TAIL) == 0:
            return TAIL_S
        return takes_s * SLOWER if instance.fault == "slow" else takes_s

    def _fail(self, gateway: Way, index: int, sent_s: float, now_s: float) -> None:
        self.instances[index].in_flight -= 1
        self.instances[index].latest_s.append(now_s - sent_s)
        gateway.answered(index, sent_s, now_s, failed=True)
        self.outcome.lost += 1

    def _lose(self, gateway: Way, index: int, sent_s: float, now_s: float) -> None:
        self.instances[index].in_flight -= 1
        gateway.timed_out(index, sent_s, now_s)
        self.outcome.lost += 1
