"""Finds the routes that a request may take of which only the names of fields and members are known."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from middlewares.routing.matching.match import Present
from middlewares.routing.matching.matcher import Ambiguous, Hit, Matcher
from middlewares.routing.matching.tree import Entry

#: Conditions of a route for which a value would have to be known.
Open = frozenset[Hashable]
#: More routes than these are not looked for.
MOST_CHOICES: Final = 8

_PREFLIGHT = frozenset([b"origin", b"access-control-request-method"])


@dataclass(frozen=True)
class NamedRequest:
    """A request without values; names that are not all kept may be any.

    `fields` are in lower case, `members` as they were sent.
    """

    method: str
    host: bytes
    path: str
    fields: frozenset[bytes]
    members: tuple[str, ...]
    has_all_fields: bool = True

    @cached_property
    def is_preflight(self) -> bool:
        return self.method == "OPTIONS" and self.fields >= _PREFLIGHT

    @cached_property
    def member_names(self) -> frozenset[bytes]:
        names = (name.replace("+", " ") for name in self.members if name)
        return frozenset(unquote_to_bytes(name) for name in names)

    @property
    def has_all_members(self) -> bool:
        return "" not in self.members

    def open(self, entry: Entry[Any]) -> Open | None:
        """The conditions of a route that are not known to hold; None: one of them does not."""
        found: set[Hashable] = set()
        methods = entry.match.methods
        if methods is not None:
            if self.is_preflight:  # the method that it asks for is a value
                found.add(methods)
            elif self.method not in methods:
                return None
        kinds = (
            ("field", () if self.is_preflight else entry.headers, self.fields, self.has_all_fields),
            ("member", entry.query, self.member_names, self.has_all_members),
        )
        for kind, conditions, names, are_all in kinds:
            for name, condition in conditions:
                if name not in names and are_all:
                    return None
                if name not in names or not isinstance(condition, Present):
                    found.add((kind, name, condition))
        return frozenset(found)


@dataclass(frozen=True)
class Known:
    """What the way that a request took says of its values: conditions that hold, and groups that do not."""

    hold: Open = frozenset()
    fail: tuple[Open, ...] = ()

    def narrowed(self, conditions: Open | None) -> Open | None:
        """The conditions that stay open; None: they do not all hold."""
        if conditions is None or any(group <= conditions for group in self.fail):
            return None
        return conditions - self.hold


class Choice(NamedTuple):
    """A route that a request may take, if its `open` conditions hold and those before it do not."""

    found: Hit[Any] | Ambiguous[Any] | None
    open: Open


def choices(matcher: Matcher[Any], request: NamedRequest, known: Known) -> Iterator[Choice]:
    """The routes that a request may take in the order of trial; the last one without open conditions.

    There are at most MOST_CHOICES.
    """
    refused: set[int] = set()

    def takes(entry: Entry[Any]) -> bool:
        return entry.rank not in refused and known.narrowed(request.open(entry)) is not None

    for _ in range(MOST_CHOICES):
        found = matcher.search(request.host, request.path, takes)
        entry = found.decided_by if isinstance(found, Ambiguous) else found and found.entry
        still_open = None if entry is None else known.narrowed(request.open(entry))
        yield Choice(found, still_open or frozenset())
        if entry is None or not still_open:
            return
        refused.add(entry.rank)
