"""The product's ways of balancing, driven by the simulation as the hop drives them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from discovery.model import instance as model
from gateway.hop.deciding.balancing import hashing, least_request, p2c, round_robin
from gateway.hop.deciding.balancing.choice import Choice, Loads
from gateway.upstream.latency import Latency, compare
from middlewares.candidates.deciding import Candidate, Candidates

#: Chooses for a key.
Choose = Callable[[Candidates, Loads, random.Random, bytes], Choice]


@dataclass(slots=True)
class Load:
    """What a gateway knows of one instance, as gateway/upstream/pool.py does."""

    latency: Latency = field(default_factory=Latency)
    waiting_s: dict[float, None] = field(default_factory=dict)
    answered_s: float = -1.0

    @property
    def in_flight(self) -> int:
        return len(self.waiting_s)

    @property
    def effort(self) -> float:
        return self.latency.effort(len(self.waiting_s))

    @property
    def is_slow(self) -> bool:
        return self.latency.slowness > 1.0


class Product:
    """A gateway with one of the product's ways; it knows what it has seen itself."""

    def __init__(
        self, choose: Choose, rng: random.Random, instances: int, *, sees_latency: bool = True
    ) -> None:
        self.loads = [Load() for _ in range(instances)]
        self._choose = choose
        self._rng = rng
        self._sees_latency = sees_latency
        self._candidates = Candidates(
            Candidate(
                model.Instance(name="s", id=str(index), host="h", port=1 + index), "registered"
            )
            for index in range(instances)
        )

    def load(self, instance: model.Instance) -> Load:
        return self.loads[int(instance.id)]

    def choose(self, _now_s: float, key: bytes) -> int:
        chosen = self._choose(self._candidates, self, self._rng, key).candidate
        return int(chosen.instance.id)

    def sent(self, index: int, now_s: float) -> None:
        self.loads[index].waiting_s[now_s] = None

    def answered(self, index: int, sent_s: float, now_s: float, *, failed: bool) -> None:
        load = self.loads[index]
        del load.waiting_s[sent_s]
        if sent_s > load.answered_s:
            load.answered_s = sent_s
            (load.latency.failed if failed else load.latency.answered)(now_s - sent_s, now_s)

    def timed_out(self, index: int, sent_s: float, now_s: float) -> None:
        load = self.loads[index]
        del load.waiting_s[sent_s]
        load.latency.failed(now_s - sent_s, now_s)

    def sweep(self, now_s: float) -> None:
        if not self._sees_latency:
            return
        for load in self.loads:
            since_s = next((one for one in load.waiting_s if one > load.answered_s), None)
            if since_s is not None:
                load.latency.waits(since_s, now_s)
        compare([load.latency for load in self.loads], now_s)


def p2c_of(few: int = p2c.FEW) -> Choose:
    return lambda candidates, loads, rng, _key: p2c.choose(candidates, loads, rng, few)


def taking_turns() -> Choose:
    turns: round_robin.Turns = {}
    return lambda candidates, _loads, _rng, _key: round_robin.choose(candidates, turns)


def least() -> Choose:
    return lambda candidates, loads, rng, _key: least_request.choose(candidates, loads, rng)


def hashed() -> Choose:
    return lambda candidates, loads, _rng, key: hashing.choose(candidates, key, loads)
