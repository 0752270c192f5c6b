"""Entity tags: the two comparisons (RFC 9110 §8.8.3.2), and the lists that clients send."""

import re
from collections.abc import Iterator
from typing import Final

_WEAK: Final = b"W/"
#: One tag of a list, and what separates it from the next one; empty elements are allowed (RFC 9110 §5.6.1).
_TAG: Final = re.compile(rb'[ \t,]*+((?:W/)?"[\x21\x23-\x7e\x80-\xff]*+")[ \t]*+(?:,|\Z)')
#: A tag that can stand alone in If-None-Match: neither `*` nor a list. Some services write theirs without quotes.
_ALONE: Final = re.compile(
    rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*+"|[\x21\x23-\x29\x2b\x2d-\x7e\x80-\xff]++'
)


def is_sendable(tag: bytes) -> bool:
    """Whether a service reads exactly this tag where it stands alone in If-None-Match."""
    return _ALONE.fullmatch(tag) is not None


def is_strong(tag: bytes) -> bool:
    return not tag.startswith(_WEAK)


def match_strongly(one: bytes, other: bytes) -> bool:
    """Whether both are strong and the same."""
    return one == other and is_strong(one)


def match_weakly(one: bytes, other: bytes) -> bool:
    """Whether both have the same opaque tag."""
    return one.removeprefix(_WEAK) == other.removeprefix(_WEAK)


def lists_weakly(value: bytes, tag: bytes) -> bool:
    """Whether a field's value is `*`, or has a tag that matches weakly.

    A value that equals the tag matches whatever the tag looks like: some services don't quote theirs.
    """
    if value in (tag, b"*"):
        return True
    opaque = tag.removeprefix(_WEAK)
    return any(one.removeprefix(_WEAK) == opaque for one in _tags(value, opaque))


def _tags(value: bytes, sought: bytes) -> Iterator[bytes]:
    """The tags of a list, up to the first element that is none; nothing if the sought bytes are not in it at all.

    A list may be as long as a header section: it is read once, and only if it is likely to match.
    """
    at = 0 if sought in value else len(value)
    while found := _TAG.match(value, at):
        yield found[1]
        at = found.end()
