"""Applies what the layers change to the lines of a request."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from middlewares.head_changes import FieldEdits, HeadChanges, changed_fields, has_marks
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
        if not changes.edits:
            return ready_lines
        if len(changes.edits) == 1 and _only_appends(changes.edits[0], ready_lines):
            return ready_lines + _appended(changes.edits[0])
        changes = HeadChanges(edits=changes.edits)
    split = [line.split(b": ", 1) for line in ready_lines.split(_END)]
    fields = changed_fields([(name, value) for name, value in split], changes)
    return _END.join([b"%b: %b" % field for field in fields])


def _only_appends(edits: FieldEdits, lines: bytes) -> bool:
    """Whether none of the lines is one that the edits are about."""
    if edits.marks is None:
        return edits.only_adds
    return not (edits.marks and has_marks(lines, edits.marks))


def _appended(edits: FieldEdits) -> bytes:
    """The lines that the edits put behind all others, each with a CRLF before it."""
    return b"".join([b"\r\n%b: %b" % field for field in (*edits.placed.values(), *edits.added)])
