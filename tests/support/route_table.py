"""Reads tests/routes/table.yaml, and files in the form of `routes`, without the reader of the product."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from middlewares.routing.matching.match import Condition, Exact, Match, Present
from middlewares.routing.matching.patterns import compile_pattern
from middlewares.routing.redirecting import Redirect
from middlewares.routing.rewriting import Rewrite, Strip, ToPath, ToPrefix

TABLE = Path(__file__).parents[1] / "routes" / "table.yaml"

#: A route as the file has it.
Route = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A request, the routes of a file, and what comes of it: `wins` or `refused`."""

    subject: str
    routes: tuple[Route, ...]
    ask: str
    host: str = "shop.example.com"
    fields: tuple[tuple[str, str], ...] = ()
    wins: str | None = None
    refused: str | None = None
    target: str | None = None
    location: str | None = None
    status: int | None = None

    @property
    def method(self) -> str:
        return self.ask.partition(" ")[0]

    @property
    def asked_target(self) -> str:
        return self.ask.partition(" ")[2]

    def __str__(self) -> str:
        fields = ", ".join(f"{name}: {value}" for name, value in self.fields)
        return f"{self.subject}: {self.ask} at {self.host} {fields}".rstrip()


def rows() -> list[Row]:
    """All rows of the table."""
    found = []
    for group in YAML(typ="safe", pure=True).load(TABLE):
        for row in group["rows"]:
            fields = tuple((name, value) for name, value in row.pop("fields", ()))
            found.append(Row(group["subject"], tuple(group["routes"]), fields=fields, **row))
    return found


def match_of(route: Route) -> Match:
    match = route["match"]
    methods = match.get("methods")
    return Match(
        host=match.get("host"),
        path=match.get("path"),
        prefix=match.get("prefix"),
        methods=None if methods is None else frozenset(methods),
        headers={
            name.lower(): _condition(given) for name, given in match.get("headers", {}).items()
        },
        query={name: _condition(given) for name, given in match.get("query", {}).items()},
        as_is=route.get("paths") == "as_is",
    )


def _condition(given: Any) -> Condition:
    if isinstance(given, str):
        return Exact(given)
    return compile_pattern(given["regex"]) if "regex" in given else Present()


def rewrite_of(route: Route) -> Rewrite | None:
    match route.get("rewrite"):
        case {"path": text}:
            return ToPath(text)
        case {"strip": prefix}:
            return Strip(prefix)
        case {"prefix": prefix}:
            return ToPrefix(prefix)
    return None


def redirect_of(route: Route) -> Redirect:
    given = dict(route["redirect"])
    path, prefix = given.pop("path", None), given.pop("prefix", None)
    if path is not None:
        return Redirect(path=ToPath(path), **given)
    return Redirect(path=None if prefix is None else ToPrefix(prefix), **given)
