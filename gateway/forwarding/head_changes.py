"""Applies what the layers change in a head."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from gateway.upstream.messages import FieldLine
from middlewares.head_changes import HeadChanges
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
    """The lines of a request, with a CRLF between two, without those removed, and with others replaced.

    `credential_lines` has the line of each of CREDENTIAL_FIELDS among them.
    """
    places = _PLACES.get(changes.removed)
    if places is not None and not changes.replaced:
        for place in places:
            if line := credential_lines[place]:
                whole = b"\r\n%b\r\n" % ready_lines
                left = whole.replace(b"\r\n%b\r\n" % line, _END, 1)
                ready_lines = left.removeprefix(_END).removesuffix(_END)
        return ready_lines
    split = [line.split(b": ", 1) for line in ready_lines.split(_END)]
    fields = changed_fields([(name, value) for name, value in split], changes)
    return _END.join([b"%b: %b" % field for field in fields])


def changed_fields(fields: Sequence[FieldLine], changes: HeadChanges) -> Sequence[FieldLine]:
    """The fields without those removed, and with others replaced; what is added is not among them."""
    removed, replaced = changes.removed, dict(changes.replaced)
    kept: list[FieldLine] = []
    for name, value in fields:
        read_as = _as_read(name)
        if read_as in removed:
            continue
        if read_as in changes.replaced:
            new = replaced.pop(read_as, None)
            if new is None:
                continue
            value = new
        kept.append((name, value))
    return kept


def _as_read(name: bytes) -> bytes:
    """The name as CGI and WSGI may read it too."""
    return name.lower().replace(b"_", b"-")
