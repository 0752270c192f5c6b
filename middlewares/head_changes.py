"""What the layers change in the head that goes to an instance."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

FieldLine = tuple[bytes, bytes]

_NOTHING: Mapping[bytes, bytes] = {}
#: What Connection may name beside fields (RFC 9110 §7.6.1).
_OPTIONS: Final = frozenset([b"close", b"keep-alive", b"upgrade"])
_CONNECTION: Final = b"connection"


class FieldEdits(NamedTuple):
    """What rules make of fields, in this order; the keys are names in lower case.

    Where receivers read names alike, the keys but those of `renamed` are what they read (as_read).

    `renamed` has the new names, all given at once: a field that had one of them goes if another gets it.
    `placed` are fields that are there once: in the place of the first one of the name, or at the end.
    `added` follow behind all others. `marks` are the beginnings of all lines that the edits may be about, as
    `has_marks` looks for them; None: they are not known.
    """

    renamed: Mapping[bytes, bytes] = _NOTHING
    removed: frozenset[bytes] = frozenset()
    placed: Mapping[bytes, FieldLine] = {}
    added: tuple[FieldLine, ...] = ()
    marks: tuple[bytes, ...] | None = None


class HeadChanges(NamedTuple):
    """Fields that are taken out, then replaced, then edited by rules, then added.

    Names are in lower case. A name with `_` is taken out as the same one with `-` is: CGI and WSGI read both
    as one variable. `replaced` has the new value of every such field together; only the first of its name
    stays. `added` are lines, each with its CRLF.
    """

    removed: frozenset[bytes] = frozenset()
    replaced: Mapping[bytes, bytes] = _NOTHING
    added: bytes = b""
    edits: tuple[FieldEdits, ...] = ()


def merged(one: HeadChanges | None, other: HeadChanges) -> HeadChanges:
    """The changes of two layers as one; what both replace has the value of the other."""
    if one is None:
        return other
    return HeadChanges(
        one.removed | other.removed,
        {**one.replaced, **other.replaced},
        one.added + other.added,
        one.edits + other.edits,
    )


def of_length(length: int) -> HeadChanges:
    """The changes of a head whose body has this length now."""
    return HeadChanges(
        removed=frozenset([b"content-length", b"transfer-encoding"]),
        added=b"Content-Length: %d\r\n" % length,
    )


def changed_fields(fields: Sequence[FieldLine], changes: HeadChanges) -> Sequence[FieldLine]:
    """The fields without those removed, with others replaced, and as edited; `added` is not among them."""
    if changes.removed or changes.replaced:
        fields = _replaced(fields, changes)
    for edits in changes.edits:
        fields = edited(fields, edits, as_read)
    return fields


def _replaced(fields: Sequence[FieldLine], changes: HeadChanges) -> list[FieldLine]:
    removed, replaced = changes.removed, dict(changes.replaced)
    kept: list[FieldLine] = []
    for name, value in fields:
        read_as = as_read(name)
        if read_as in removed:
            continue
        if read_as in changes.replaced:
            new = replaced.pop(read_as, None)
            if new is None:
                continue
            value = new
        kept.append((name, value))
    return kept


def edited(
    fields: Sequence[FieldLine], edits: FieldEdits, same: Callable[[bytes], bytes] = bytes.lower
) -> list[FieldLine]:
    """The fields as rules make them; `same` maps names that receivers read alike to one."""
    made, rest = edited_each(fields, edits, same)
    return [*(field for field in made if field is not None), *rest]


def edited_each(
    fields: Sequence[FieldLine], edits: FieldEdits, same: Callable[[bytes], bytes]
) -> tuple[list[FieldLine | None], list[FieldLine]]:
    """What becomes of each field (None: it goes), and the fields that come behind all others."""
    renamed, removed, placed = edits.renamed, edits.removed, edits.placed
    taken: set[bytes] = set()
    if renamed:
        there = {name.lower() for name, _ in fields}
        taken = {same(new) for old, new in renamed.items() if old in there}
    left = dict(placed)
    made: list[FieldLine | None] = []
    for field in fields:
        name, value = field
        lower = name.lower()
        new = renamed.get(lower)
        if new is not None:
            field = (new, value)
            name, lower = new, new.lower()
            alike = same(new)
        else:
            alike = same(name)
            if alike in taken:
                made.append(None)
                continue
        if alike in removed:
            made.append(None)
            continue
        if alike in placed:
            line = left.pop(alike, None)
            if line is None:
                made.append(None)
                continue
            field = (name, line[1]) if alike == lower else line
        made.append(field)
    return made, [*left.values(), *edits.added]


def without_named(fields: Sequence[FieldLine]) -> Sequence[FieldLine]:
    """The fields without those that Connection names: it can't take out what rules put there."""
    said = [value for name, value in fields if name.lower() == _CONNECTION]
    if not said:
        return fields
    options = {option.strip(b" \t").lower() for value in said for option in value.split(b",")}
    named = options - _OPTIONS - {_CONNECTION}
    if not named - {b""}:
        return fields
    left = b", ".join(sorted(options & _OPTIONS))
    kept = [field for field in fields if field[0].lower() not in named | {_CONNECTION}]
    return [(b"Connection", left), *kept] if left else kept


def marks_of(names: Iterable[bytes]) -> tuple[bytes, ...]:
    """The beginnings of lines with these names."""
    return tuple(dict.fromkeys(b"\r\n%b:" % as_read(name) for name in names))


def has_marks(lines: bytes, marks: tuple[bytes, ...]) -> bool:
    """Whether a line may begin with one of the marks; much quicker than to take the lines apart."""
    searched = b"\r\n%b" % lines.lower().replace(b"_", b"-")
    return any(mark in searched for mark in marks)


def as_read(name: bytes) -> bytes:
    """The name as CGI and WSGI may read it too."""
    return name.lower().replace(b"_", b"-")
