"""Gives all requests with the same key to one instance: weighted rendezvous hashing with bounded load."""

from functools import lru_cache
from hashlib import blake2b
from math import ceil, log

from gateway.hop.deciding.balancing.choice import HASHED, ONLY, OVERFLOWED, Choice, Loads, in_flight
from middlewares.candidates.deciding import Candidates

#: An instance has at most this many times its share of the requests in flight …
BOUND = 1.25
#: … and may always have this many, as a browser sends several at a time for one page.
ALWAYS = 8

_64_BITS = 2**64 - 1


def choose(candidates: Candidates, key: bytes, loads: Loads) -> Choice:
    """The first in the key's own order of all instances that is not over its bound.

    An instance that comes or goes moves only its own keys, since the others keep their places in each order.
    All gateways have the same order. `candidates` is not empty.
    """
    if len(candidates) == 1:
        return Choice(candidates[0], ONLY)
    weights = candidates.weights
    hashed = _hash(key)
    places = [
        _place(hashed, one.instance.key, weight)
        for one, weight in zip(candidates, weights, strict=True)
    ]
    best = places.index(min(places))
    load = loads.load(candidates[best].instance)
    if load is None or load.in_flight < ALWAYS:
        return Choice(candidates[best], HASHED)
    counts = in_flight(candidates, loads)
    a_weight = BOUND * (sum(counts) + 1) / sum(weights)
    for index in sorted(range(len(places)), key=places.__getitem__):
        if counts[index] < max(ALWAYS, ceil(a_weight * weights[index])):
            return Choice(candidates[index], HASHED if index == best else OVERFLOWED)
    # Never: the bounds add up to more than there are requests.
    return Choice(candidates[best], HASHED)


def _place(hashed: int, instance_key: str, weight: float) -> float:
    """Where an instance stands in the order of a key: the least is first.

    Exponentially distributed with the weight as rate, so that each is first for its share of the keys.
    """
    uniform = ((_mixed(hashed ^ _seed(instance_key)) >> 11) + 0.5) / 2**53
    return -log(uniform) / weight


@lru_cache(maxsize=16_384)
def _seed(instance_key: str) -> int:
    return _hash(instance_key.encode())


def _hash(key: bytes) -> int:
    """64 bits that are the same in every process."""
    return int.from_bytes(blake2b(key, digest_size=8).digest())


def _mixed(number: int) -> int:
    """SplitMix64's finalizer: each bit of the number changes half of all bits."""
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & _64_BITS
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & _64_BITS
    return number ^ (number >> 31)
