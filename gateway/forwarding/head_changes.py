"""Applies what the layers change to the lines of a request."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from gateway.forwarding.edited_lines import edited_lines
from middlewares.head_changes import HeadChanges, changed_fields
from middlewares.header_section import CREDENTIAL_FIELDS

_END = b"\r\n"


def _places() -> Iterator[tuple[frozenset[bytes], tuple[int, ...]]]:
    every = range(len(CREDENTIAL_FIELDS))
    for number in range(len(CREDENTIAL_FIELDS) + 1):
        for places in combinations(every, number):
            yield frozenset(CREDENTIAL_FIELDS[place] for place in places), places


#: Which of the lines with credentials go, by the names of removed fields where all of these have credentials.
_PLACES: Final = dict(_places())


def changed_lines(
    ready_lines: bytes, credential_lines: Sequence[bytes], changes: HeadChanges
) -> bytes:
    """The lines of a request, with a CRLF between two, as the layers change them; `added` is not among them.

    `credential_lines` has the line of each of CREDENTIAL_FIELDS among them.
    """
    places = _PLACES.get(changes.removed)
    if places is not None and not changes.replaced:
        for place in places:
            if line := credential_lines[place]:
                whole = b"\r\n%b\r\n" % ready_lines
                left = whole.replace(b"\r\n%b\r\n" % line, _END, 1)
                ready_lines = left.removeprefix(_END).removesuffix(_END)
        for at, edits in enumerate(changes.edits):
            if edits.marks is None:
                changes = HeadChanges(edits=changes.edits[at:])
                break
            ready_lines = edited_lines(ready_lines, edits, edits.marks, cgi=True)
        else:
            return ready_lines
    split = [line.split(b": ", 1) for line in ready_lines.split(_END)]
    fields = changed_fields([(name, value) for name, value in split], changes)
    return _END.join([b"%b: %b" % field for field in fields])
