"""Reads a Content-Length as a number that all readers agree on (RFC 9110 §8.6)."""

import re
from typing import Final

#: Readers count in 63 or 64 bits; a 64-bit parser uses its largest number for "no length".
LONGEST: Final = 2**63 - 1

#: 64 bits have at most twenty digits; Python's int() refuses thousands of zeros.
_DIGITS = re.compile(rb"[0-9]{1,20}")


def content_length(value: bytes) -> int | None:
    """The number in a Content-Length; None if readers might disagree about it."""
    if _DIGITS.fullmatch(value) is None:
        return None
    length = int(value)
    return length if length <= LONGEST else None
