"""The order in which routes are tried, and the routes that never get a request."""

from collections.abc import Mapping, Sequence
from typing import Any

from discovery.base.steps import Steps, slices
from middlewares.routing.matching.match import (
    Condition,
    Match,
    Present,
    Shape,
    host_name,
    wildcard_suffix,
)

#: A lower one is tried first.
Precedence = tuple[Any, ...]


def in_order(matches: Sequence[tuple[Match, Shape]]) -> Steps[list[int]]:
    """The places of the matches in the order of trial, which is that of the Gateway API's HTTPRoute.

    Routes of one host stand together, the hosts of one kind in the order of the file.
    """
    of_host: dict[str | None, list[tuple[Precedence, int]]] = {}
    for some in slices(enumerate(matches)):
        for place, (match, shape) in some:
            of_host.setdefault(match.host, []).append((precedence(match, shape), place))
        yield
    found: list[int] = []
    for host in sorted(of_host, key=_precedence_of_host):
        found += (place for _, place in sorted(of_host[host]))
        yield
    return found


def _precedence_of_host(host: str | None) -> tuple[int, int]:
    if host is None:
        return (2, 0)
    suffix = wildcard_suffix(host)
    return (0, 0) if suffix is None else (1, -len(suffix))


def precedence(match: Match, shape: Shape) -> Precedence:
    """The place of a route among those of its host; the same for two routes: the file decides."""
    return (
        shape.is_prefix,
        -shape.literals,
        match.methods is None,
        -len(match.headers),
        -len(match.query),
    )


def shadows(earlier: Match, later: Match) -> bool:
    """Whether a route that is tried earlier takes all that the later one could, on the same paths."""
    if earlier.methods is not None and not (
        later.methods is not None and later.methods <= earlier.methods
    ):
        return False
    return _implied(earlier.headers, later.headers) and _implied(earlier.query, later.query)


def _implied(conditions: Mapping[str, Condition], by: Mapping[str, Condition]) -> bool:
    return all(
        name in by and (condition == by[name] or isinstance(condition, Present))
        for name, condition in conditions.items()
    )


def group_of(match: Match, shape: Shape) -> tuple[Any, ...]:
    """A route can be shadowed only by one of the same group: the others are less or more exact."""
    return (
        host_name(match.host or ""),
        shape.segments,
        shape.is_prefix,
        match.methods is None,
        frozenset(match.headers),
        frozenset(match.query),
    )
