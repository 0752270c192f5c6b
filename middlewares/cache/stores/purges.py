"""Finds what a purge takes in the sorted indexes of Redis."""

from collections.abc import Iterator, Sequence
from typing import Final

from middlewares.cache.stores.store import Purge

#: So many entries are looked at in one call, so that Redis does not stand still.
PURGED_PER_CALL: Final = 200
PURGES_PER_CALL: Final = 200

Range = tuple[bytes, bytes, bytes, bytes]


def batched(purges: Sequence[Purge], size: int) -> Iterator[Sequence[Purge]]:
    """The purges in lists of at most this size."""
    for begin in range(0, len(purges), size):
        yield purges[begin : begin + size]


def ranges(purge: Purge) -> Range:
    """The index, where in it the members begin and end, as ZRANGEBYLEX has them, and whether it is soft.

    A member is a URL or tag, NUL and an id; neither has a NUL in it.
    """
    soft = b"1" if purge.soft else b"0"
    index = b"tags" if purge.kind == "tag" else b"urls"
    if purge.kind == "prefix":
        return index, b"[" + purge.value, _after(purge.value), soft
    return index, b"[" + purge.value + b"\0", b"(" + purge.value + b"\1", soft


def _after(prefix: bytes) -> bytes:
    """The end of all that begins with the prefix: the next text of its length, or none."""
    short = prefix.rstrip(b"\xff")
    return b"(" + short[:-1] + bytes([short[-1] + 1]) if short else b"+"
