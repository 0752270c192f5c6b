"""Applies what the layers change in a head."""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, product
from typing import Final

from gateway.upstream.messages import FieldLine
from middlewares.head_changes import HeadChanges
from middlewares.header_section import CREDENTIAL_FIELDS

_END = b"\r\n"


def _spellings(name: bytes) -> Iterator[bytes]:
    """How a line of this field may begin: CGI and WSGI read `_` as `-`."""
    for joints in product(b"-_", repeat=name.count(b"-")):
        parts = name.split(b"-")
        yield (
            parts[0]
            + b"".join(
                b"%c%b" % (joint, part) for joint, part in zip(joints, parts[1:], strict=True)
            )
            + b":"
        )


def _beginnings() -> Iterator[tuple[frozenset[bytes], tuple[bytes, ...]]]:
    for number in range(len(CREDENTIAL_FIELDS) + 1):
        for names in combinations(sorted(CREDENTIAL_FIELDS), number):
            yield frozenset(names), tuple(chain.from_iterable(map(_spellings, names)))


#: The beginnings of the lines that go, by the names of fields that are removed where all may have credentials.
_BEGINNINGS: Final = dict(_beginnings())
_LONGEST: Final = max(map(len, CREDENTIAL_FIELDS)) + 1


def changed_lines(
    ready_lines: bytes, credential_lines: Sequence[bytes], changes: HeadChanges
) -> bytes:
    """The lines of a request, with a CRLF between two, without those removed, and with others replaced.

    `credential_lines` are those among them that may have credentials.
    """
    beginnings = _BEGINNINGS.get(changes.removed)
    if beginnings is not None and not changes.replaced:
        for line in credential_lines:
            if line[:_LONGEST].lower().startswith(beginnings):
                whole = b"\r\n%b\r\n" % ready_lines
                ready_lines = whole.replace(b"\r\n%b\r\n" % line, _END, 1)[2:-2]
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
