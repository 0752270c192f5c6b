"""The route that a request was probably meant for, and how the two differ: for the answer 404."""

from collections.abc import Sequence
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from middlewares.routing.matching.conditions import Request, differing
from middlewares.routing.matching.match import Match
from middlewares.routing.matching.tree import Entry, Node

T = TypeVar("T")


class Differing(Enum):
    """What of a request differs from what a route takes."""

    HOST = "host"
    PATH = "path"
    METHOD = "method"
    HEADER = "header"
    QUERY = "query"


class Nearest(NamedTuple, Generic[T]):
    """A route that would take the request if `differing` were as it says; `name`: of a header or member."""

    route: T
    match: Match
    differing: Differing
    name: str = ""

    def explain(self, route_name: str, *, to_the_operator: bool) -> str:
        """Say it for people; hosts and headers are for those with the token alone."""
        beginning = f"the nearest route is {route_name}"
        hidden = self.differing in (Differing.HOST, Differing.HEADER) and not to_the_operator
        return beginning if hidden else f"{beginning}, which {self._difference()}"

    def _difference(self) -> str:
        match = self.match
        if self.differing is Differing.HOST:
            return f"is on the host {match.host}"
        if self.differing is Differing.PATH:
            if match.path is not None:
                return f"has the path {match.path}"
            return f"has the prefix {match.prefix or '/'}"
        if self.differing is Differing.METHOD:
            return f"takes {_listed(sorted(match.methods or ()))}"
        kind = "field" if self.differing is Differing.HEADER else "member of the query"
        return f"has a condition on the {kind} {self.name}"


def nearest(
    trees: Sequence[Node[T]], everywhere: Node[T], segments: Sequence[str], request: Request
) -> Nearest[T] | None:
    """The first route with the request's host and path; else the one that shares most of the path,
    where mistyped segments count too.

    Of two that share as much, a route for the path on another host is nearer.
    """
    for tree in trees:
        for group in tree.reach(segments):
            return _by_condition(group[0], request)
    found: Nearest[T] | None = None
    most = 0
    for group in everywhere.reach(segments)[:1]:
        match = group[0].match
        found = Nearest(group[0].route, match, Differing.HOST)
        most = 2 * len(match.shape.segments)
    for tree in trees:
        node, shared = tree.deepest(segments)
        if shared > most:
            entry = node.some()
            if entry is not None:
                most = shared
                found = Nearest(entry.route, entry.match, Differing.PATH)
    return found


def _by_condition(entry: Entry[T], request: Request) -> Nearest[T]:
    methods = entry.match.methods
    if methods is not None and request.method not in methods:
        return Nearest(entry.route, entry.match, Differing.METHOD)
    # The query first: everybody may be told of it.
    name, differs = differing(entry.query, request.members), Differing.QUERY
    if name is None:
        name, differs = differing(entry.headers, request.fields) or b"", Differing.HEADER
    return Nearest(entry.route, entry.match, differs, name.decode("utf-8", "replace"))


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
