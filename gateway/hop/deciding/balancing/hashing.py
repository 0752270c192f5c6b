"""Gives all requests with the same key to one instance: weighted rendezvous hashing with bounded load."""

from collections.abc import Sequence
from hashlib import blake2b
from math import ceil, log

from gateway.hop.deciding.balancing.choice import HASHED, ONLY, OVERFLOWED, Choice, Loads, in_flight
from middlewares.candidates.deciding import Candidates

#: An instance has at most this many times its share of the requests in flight …
BOUND = 1.25
#: … and may always have this many, as a browser sends several at a time for one page.
ALWAYS = 8

#: Two odd numbers of SplitMix64.
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_64_BITS = 2**64 - 1


def choose(candidates: Candidates, key: bytes, loads: Loads) -> Choice:
    """The first in the key's own order of all instances that is not over its bound.

    An instance that comes or goes moves only its own keys, since the others keep their places in each order.
    All gateways have the same order. `candidates` is not empty.
    """
    if len(candidates) == 1:
        return Choice(candidates[0], ONLY)
    places = _places(candidates, _hash(key))
    best = places.index(min(places))
    load = loads.load(candidates[best].instance)
    if load is None or load.in_flight < ALWAYS:
        return Choice(candidates[best], HASHED)
    counts, weights = in_flight(candidates, loads), candidates.weights
    a_weight = BOUND * (sum(counts) + 1) / sum(weights)
    for index in sorted(range(len(places)), key=places.__getitem__):
        if counts[index] < max(ALWAYS, ceil(a_weight * weights[index])):
            return Choice(candidates[index], HASHED if index == best else OVERFLOWED)
    # Never: the bounds add up to more than there are requests.
    return Choice(candidates[best], HASHED)


def _places(candidates: Candidates, hashed: int) -> Sequence[float]:
    """Where each instance stands in the order of a key: the least is first.

    Exponentially distributed with the weight as rate, so that each is first for its share of the keys. If all
    weights are equal, the negative numbers that these are made from have the same order.
    """
    seeds = candidates.seeds
    if seeds is None:
        seeds = candidates.seeds = [_hash(one.instance.key.encode()) for one in candidates]
    # In one expression, because calls would cost more than all of the arithmetic.
    mixed = [
        ((half := (hashed ^ seed) * _FIRST & _64_BITS) ^ half >> 32) * _SECOND & _64_BITS
        for seed in seeds
    ]
    if candidates.are_even:
        return [-one for one in mixed]
    weights = candidates.weights
    return [-log((one + 1) / 2**64) / weight for one, weight in zip(mixed, weights, strict=True)]


def _hash(key: bytes) -> int:
    """64 bits that are the same in every process."""
    return int.from_bytes(blake2b(key, digest_size=8).digest())
