"""Weighted rendezvous hashing: which share an identity belongs to, everywhere and always the same one.

Each share draws a number for the identity, exponentially distributed with the share's weight as its rate;
the smallest one wins. So each share wins as often as its weight says. A number depends on the route, the
share's name and the identity alone: it is the same in every worker and after every restart. If one weight
grows, only that share's number becomes smaller, so identities move to it and nowhere else; if it shrinks,
they move away from it alone (docs/decisions/0027).
"""

import hashlib
import math
from collections.abc import Sequence

#: Bits of a hash that a float holds exactly.
_BITS = 53
_SCALE = 2.0**-_BITS
_NEVER = math.inf


class Rendezvous:
    """The shares of one route, by their names."""

    def __init__(self, route: str, shares: Sequence[str]) -> None:
        # The key has a fixed length, so that no route and share read together as another pair.
        self._hashes = [hashlib.blake2b(digest_size=8, key=_key(route, one)) for one in shares]

    def pick(self, identity: bytes, weights: Sequence[float]) -> int:
        """The index of the share that an identity belongs to; one at least must have a weight."""
        best, least = -1, _NEVER
        for index, weight in enumerate(weights):
            if weight > 0:
                drawn = self._drawn(index, identity) / weight
                if best < 0 or drawn < least:  # a tiny weight may make it infinite
                    best, least = index, drawn
        if best < 0:
            raise ValueError("no share has a weight")
        return best

    def order(self, identity: bytes, weights: Sequence[float]) -> list[int]:
        """The indexes of all shares with a weight; each is the pick where those before it are not there."""
        drawn = [
            (self._drawn(index, identity) / weight, index)
            for index, weight in enumerate(weights)
            if weight > 0
        ]
        return [index for _, index in sorted(drawn)]

    def _drawn(self, index: int, identity: bytes) -> float:
        """A number of the exponential distribution with rate 1."""
        hashed = self._hashes[index].copy()
        hashed.update(identity)
        bits = int.from_bytes(hashed.digest(), "big") >> (64 - _BITS)
        return -math.log((bits + 0.5) * _SCALE)


def _key(route: str, share: str) -> bytes:
    return hashlib.blake2b(f"{route}\0{share}".encode(), digest_size=32).digest()
