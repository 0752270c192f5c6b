"""Compares the order in which Traefik tries routes with ours."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.cli.importing.model import Match, Note, Place, Route

MAX_ROUTES = 300


class Ranked(NamedTuple):
    """A route and its priority: the length of its rule, unless it names one."""

    route: Route
    priority: int
    place: Place


def note_other_order(routes: Sequence[Ranked]) -> list[Note]:
    """Put a note to each route that ours tries before one that Traefik tries first."""
    if len(routes) > MAX_ROUTES:
        text = (
            f"more than {MAX_ROUTES} routes: their order is not compared with Traefik's priorities"
        )
        return [Note(routes[0].place, text)]
    for index, one in enumerate(routes):
        for other in routes[index + 1 :]:
            if one.priority == other.priority or not _overlap(one.route.match, other.route.match):
                continue
            first, second = (one, other) if one.priority > other.priority else (other, one)
            if _rank(first.route.match) < _rank(second.route.match):
                text = (
                    f"Traefik tries route {first.route.name} before this one, Lockgate the more specific one: "
                    f"priority {first.priority} and {second.priority}"
                )
                second.route.notes.append(Note(second.place, text))
    return []


def _rank(match: Match) -> tuple[object, ...]:
    """Of two routes that match a request, ours takes the one with the greater rank."""
    return (
        match.host is not None,
        match.path is not None,
        len(match.segments),
        bool(match.methods),
        len(match.headers),
        len(match.query),
    )


def _overlap(one: Match, other: Match) -> bool:
    """Whether a request may match both."""
    if one.host and other.host and one.host != other.host:
        return False
    if one.methods and other.methods and not set(one.methods) & set(other.methods):
        return False
    for mine, theirs in ((one.headers, other.headers), (one.query, other.query)):
        values = dict(theirs)
        if any(values.get(name, value) != value for name, value in mine):
            return False
    if one.path is not None and other.path is not None:
        return one.path == other.path
    wide, narrow = (one, other) if one.path is None else (other, one)
    if narrow.path is None and len(wide.segments) > len(narrow.segments):
        wide, narrow = narrow, wide
    return narrow.segments[: len(wide.segments)] == wide.segments
