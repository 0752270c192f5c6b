"""Tells RSA keys whose private half can be computed: those of a faulty chip library (CVE-2017-15361, "ROCA").

Its primes are powers of 65537 modulo the product of the first 126 primes, for keys of 2048 bits; of more for longer
ones. So is each modulus that is made of them.
"""

from functools import cache
from typing import Final

_GENERATOR: Final = 65537
_PRIMES: Final = tuple(
    number for number in range(3, 702) if all(number % below for below in range(2, number))
)


def is_weak(modulus: int) -> bool:
    """Whether the modulus is such a power modulo each of these primes, which others practically never are."""
    return all(modulus % prime in _powers(prime) for prime in _PRIMES)


@cache
def _powers(prime: int) -> frozenset[int]:
    powers, power = set[int](), 1
    while power not in powers:
        powers.add(power)
        power = power * _GENERATOR % prime
    return frozenset(powers)
