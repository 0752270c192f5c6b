"""Finds a route as the contract words it: all routes in its order, one after the other."""

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from typing import Any
from urllib.parse import parse_qsl

from middlewares.routing.matching.match import Condition, Match

Fields = Sequence[tuple[bytes, bytes]]


def in_order(routes: Sequence[Match]) -> list[int]:
    """The places of the routes in the order of trial, for routes that take the same request."""

    def compare(one: int, other: int) -> int:
        return _compare(routes[one], one, routes[other], other)

    return sorted(range(len(routes)), key=cmp_to_key(compare))


def find(
    routes: Sequence[Match],
    places: Sequence[int],
    host: str,
    path: str,
    method: str,
    fields: Fields,
    query: str,
) -> int | None:
    """The place of the route that wins, for a path that nobody reads differently."""
    preflight = method == "OPTIONS" and _values(fields, "origin") and _requested(fields)
    if preflight:
        method = b", ".join(_requested(fields)).decode()
    for place in places:
        route = routes[place]
        if (
            _takes_host(route.host, host)
            and _takes_path(route, path)
            and (route.methods is None or method in route.methods)
            and (preflight or _hold(route.headers, _joined(fields, route.headers)))
            and _hold(route.query, _first(query))
        ):
            return place
    return None


def _requested(fields: Fields) -> list[bytes]:
    return _values(fields, "access-control-request-method")


def _values(fields: Fields, name: str) -> list[bytes]:
    return [value for field, value in fields if field.decode().lower() == name]


def _joined(fields: Fields, wanted: Mapping[str, Condition]) -> dict[str, bytes]:
    found = {name: _values(fields, name) for name in wanted}
    return {name: b", ".join(values) for name, values in found.items() if values}


def _first(query: str) -> dict[str, bytes]:
    pairs = parse_qsl(query, keep_blank_values=True)
    return {name: value.encode() for name, value in reversed(pairs)}


def _hold(conditions: Mapping[str, Condition], values: Mapping[str, bytes]) -> bool:
    return all(n in values and condition.holds(values[n]) for n, condition in conditions.items())


def _takes_host(wanted: str | None, host: str) -> bool:
    if wanted is None:
        return True
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and host != wanted[1:]
    return host == wanted


def _takes_path(route: Match, path: str) -> bool:
    if route.path is None:
        prefix = (route.prefix or "/").rstrip("/")
        return path == prefix or path.startswith(prefix + "/")
    wanted, asked = route.path.split("/"), path.split("/")
    return len(wanted) == len(asked) and all(
        part != "" if name.startswith("{") else part == name
        for name, part in zip(wanted, asked, strict=True)
    )


def _literals(route: Match) -> int:
    path = route.path if route.path is not None else route.prefix or "/"
    return sum(1 for part in path.split("/") if part and not part.startswith("{"))


def _compare(one: Match, its_place: int, other: Match, other_place: int) -> int:
    """The contract's sentence, clause by clause."""
    clauses: tuple[tuple[Any, Any], ...] = (
        (_host_rank(one), _host_rank(other)),
        (one.path is not None, other.path is not None),
        (_literals(one), _literals(other)),
        (one.methods is not None, other.methods is not None),
        (len(one.headers), len(other.headers)),
        (len(one.query), len(other.query)),
        (other_place, its_place),
    )
    for better, worse in clauses:
        if better != worse:
            return -1 if better > worse else 1
    return 0


def _host_rank(route: Match) -> tuple[int, int]:
    if route.host is None:
        return (0, 0)
    return (1, len(route.host)) if route.host.startswith("*.") else (2, 0)
