"""Finds what a purge takes in the sorted indexes of Redis."""

from typing import Final

from middlewares.cache.stores.store import Purge

PURGED_PER_CALL: Final = 200


def ranges(purge: Purge) -> tuple[bytes, bytes, bytes]:
    """The index, and where in it the members begin and end, as ZRANGEBYLEX has them.

    A member is a URL or tag, NUL and an id; neither has a NUL in it.
    """
    index = b"tags" if purge.kind == "tag" else b"urls"
    if purge.kind == "prefix":
        return index, b"[" + purge.value, _after(purge.value)
    return index, b"[" + purge.value + b"\0", b"(" + purge.value + b"\1"


def _after(prefix: bytes) -> bytes:
    """The end of all that begins with the prefix: the next text of its length, or none."""
    short = prefix.rstrip(b"\xff")
    return b"(" + short[:-1] + bytes([short[-1] + 1]) if short else b"+"
