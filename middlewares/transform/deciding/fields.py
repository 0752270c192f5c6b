"""What the rules for headers make of the fields of one message."""

from dataclasses import dataclass
from functools import cached_property

from middlewares.head_changes import FieldEdits, FieldLine, as_read, marks_of
from middlewares.transform.deciding.rules import NamedRules
from middlewares.transform.deciding.variables import NO_VALUES, Landing, Template, Values


class TooLong(Exception):
    """The values of a request make more of the rules than a head may have."""


@dataclass(frozen=True)
class FieldPlan:
    """Rules for headers in the form that messages are changed by; made once for each route.

    `of_requests`: `X_Y` is removed or set as `X-Y` is, since CGI and WSGI read both as one variable.
    """

    rules: NamedRules
    of_requests: bool = False

    def edits(self, values: Values, most_bytes: int) -> FieldEdits:
        """What the rules make of fields; what has a missing value is removed, or not added.

        Raises TooLong where values of the request make more than `most_bytes`.
        """
        constant = self._constant
        if constant is not None:
            return constant
        edits = self._edits(values)
        if sum(len(value) for _, value in (*edits.placed.values(), *edits.added)) > most_bytes:
            raise TooLong
        return edits

    def _edits(self, values: Values) -> FieldEdits:
        placed: dict[bytes, FieldLine] = {}
        missing: list[bytes] = []
        for lower, name, template in self._set:
            value = template.fill(values, Landing.HEADER)
            if value is None:
                missing.append(lower)
            else:
                placed[lower] = (name, raw(value))
        added: list[FieldLine] = []
        for name, template in self._add:
            value = template.fill(values, Landing.HEADER)
            if value is not None:
                added.append((name, raw(value)))
        removed = self._removed if not missing else self._removed.union(missing)
        return FieldEdits(self._renamed, removed, placed, tuple(added), self._marks)

    @cached_property
    def _constant(self) -> FieldEdits | None:
        """The edits of rules without variables."""
        templates = self.rules.templates
        return None if any(one.variables for one in templates) else self._edits(NO_VALUES)

    @cached_property
    def names(self) -> frozenset[bytes]:
        """The names that the rules take out or give, in lower case and with `-` for `_`."""
        given = (new.encode() for _, new in self.rules.rename)
        placed = (lower for lower, _, _ in self._set)
        return frozenset(map(as_read, [*self._removed, *self._renamed, *given, *placed]))

    def _key(self, name: str) -> bytes:
        raw_name = name.lower().encode()
        return as_read(raw_name) if self.of_requests else raw_name

    @cached_property
    def _marks(self) -> tuple[bytes, ...]:
        placed = (key for key, _, _ in self._set)
        return marks_of([*self._renamed, *self._renamed.values(), *self._removed, *placed])

    @cached_property
    def _renamed(self) -> dict[bytes, bytes]:
        return {old.lower().encode(): new.encode() for old, new in self.rules.rename}

    @cached_property
    def _removed(self) -> frozenset[bytes]:
        return frozenset(map(self._key, self.rules.remove))

    @cached_property
    def _set(self) -> list[tuple[bytes, bytes, Template]]:
        return [(self._key(name), name.encode(), one) for name, one in self.rules.set]

    @cached_property
    def _add(self) -> list[tuple[bytes, Template]]:
        return [(name.encode(), one) for name, one in self.rules.add]


def parted(lines: bytes, names: frozenset[bytes]) -> tuple[bytes, tuple[FieldLine, ...]]:
    """Lines, each with its CRLF, as those without these names, and the fields of those with them.

    The names are in lower case, and with `-` for `_`.
    """
    left: list[bytes] = []
    found: list[FieldLine] = []
    for line in lines.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        if as_read(name) in names:
            found.append((name, value.strip(b" \t")))
        else:
            left.append(b"%b\r\n" % line)
    return b"".join(left), tuple(found)


def raw(value: str) -> bytes:
    """A header's value as bytes; surrogates are bytes that are not UTF-8."""
    return value.encode("utf-8", "surrogateescape")
