"""What the layers change in the head that goes to an instance."""

from collections.abc import Mapping
from typing import NamedTuple

_NOTHING: Mapping[bytes, bytes] = {}


class HeadChanges(NamedTuple):
    """Fields that are taken out, then replaced, then added.

    Names are in lower case. A name with `_` is taken out as the same one with `-` is: CGI and WSGI read both
    as one variable. `replaced` has the new value of every such field together; only the first of its name
    stays. `added` are lines, each with its CRLF.
    """

    removed: frozenset[bytes] = frozenset()
    replaced: Mapping[bytes, bytes] = _NOTHING
    added: bytes = b""


def merged(one: HeadChanges | None, other: HeadChanges) -> HeadChanges:
    """The changes of two layers as one; what both replace has the value of the other."""
    if one is None:
        return other
    return HeadChanges(
        one.removed | other.removed, {**one.replaced, **other.replaced}, one.added + other.added
    )


def of_length(length: int) -> HeadChanges:
    """The changes of a head whose body has this length now."""
    return HeadChanges(
        removed=frozenset([b"content-length", b"transfer-encoding"]),
        added=b"Content-Length: %d\r\n" % length,
    )
