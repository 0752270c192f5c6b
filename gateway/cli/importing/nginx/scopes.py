"""Blocks of nginx within each other: what a block does not say, the one around it does."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.cli.importing.files import Included, read
from gateway.cli.importing.model import Note, Unreadable
from gateway.cli.importing.nginx.syntax import MAX_DEPTH, Directive, parse


@dataclass(frozen=True, slots=True)
class Scope:
    """The directives of a block, and the block around it."""

    directives: list[Directive]
    outer: "Scope | None" = None

    def named(self, *names: str) -> list[Directive]:
        """The block's own directives of these names."""
        return [one for one in self.directives if one.name in names]

    def in_force(self, *names: str) -> list[Directive]:
        """Those of the nearest block that has any of these names, as nginx inherits them."""
        scope: Scope | None = self
        while scope is not None:
            if found := scope.named(*names):
                return found
            scope = scope.outer
        return []

    def last(self, name: str) -> Directive | None:
        found = self.in_force(name)
        return found[-1] if found else None

    def value(self, name: str) -> str:
        """The first argument of the directive in force; empty without one."""
        one = self.last(name)
        return one.args[0] if one is not None and one.args else ""

    def outward(self) -> Iterator["Scope"]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


def with_included(
    directives: Iterable[Directive], included: Included, notes: list[Note], depth: int = 0
) -> list[Directive]:
    """The directives with those of included files in their place; a note for each that is not read."""
    result = []
    for one in directives:
        if one.name == "include" and one.block is None and len(one.args) == 1:
            result += _included(one, included, notes, depth)
            continue
        if one.block is not None:
            one.block = with_included(one.block, included, notes, depth)
        result.append(one)
    return result


def _included(one: Directive, included: Included, notes: list[Note], depth: int) -> list[Directive]:
    files = included.find(one.args[0], one.place)
    if files is None:
        text = f"{one}: not read; only files in the folder of the file and below it are"
        notes.append(Note(one.place, text))
        return []
    if not files:
        notes.append(Note(one.place, f"{one}: there is no such file"))
        return []
    if depth >= MAX_DEPTH:
        raise Unreadable(one.place, f"files are included through more than {MAX_DEPTH} others")
    parsed = [directive for file in files for directive in parse(read(file), file)]
    return with_included(parsed, included, notes, depth + 1)
