"""Content-Length as one number that every reader shares (RFC 9110 §8.6)."""

import re
from typing import Final

#: Readers count in 63 or 64 bits; a parser of 64 takes its own largest number for "no length".
LONGEST: Final = 2**63 - 1

#: 64 bits have twenty digits, and Python's int() refuses thousands of zeros.
_DIGITS = re.compile(rb"[0-9]{1,20}")


def content_length(value: bytes) -> int | None:
    """The number that a Content-Length is; None: it is none that all readers read alike."""
    if _DIGITS.fullmatch(value) is None:
        return None
    length = int(value)
    return length if length <= LONGEST else None
