"""The calls of versions through all workers of a gateway, of what each of them has counted."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from discovery.base.steps import Steps
from middlewares.versions.callers import MOST_CALLERS, Caller, Calls, Seen

#: What is called, and how often.
Called = tuple[str, str, Calls]


def to_plain(calls: Iterable[Called]) -> Steps[list[Any]]:
    """For JSON; `of_plain` reads it."""
    made = []
    for route, version, counted in calls:
        callers = [
            [who.by, who.name, seen.requests, seen.missed, seen.last_s]
            for who, seen in counted.callers.items()
        ]
        made.append([route, version, counted.requests, counted.refused, counted.last_s, callers])
        yield
    return made


def of_plain(plain: Iterable[Sequence[Any]]) -> Iterator[Called]:
    """What another worker has counted."""
    for route, version, requests, refused, last_s, callers in plain:
        seen = {
            Caller(by, name): Seen(count, missed, seen_s)
            for by, name, count, missed, seen_s in callers
        }
        yield route, version, Calls(requests, refused, last_s, seen)


def joined(calls: Iterable[Called]) -> Steps[dict[tuple[str, str], Calls]]:
    """All that was called by route and version; the calls that are given stay as they are.

    A caller's requests that are surely its own are added, so that no caller gets more than it made. Those of
    the callers that are left out, and of ones that a worker did not know by name, are the others.
    """
    found: dict[tuple[str, str], Calls] = {}
    for route, version, counted in calls:
        into = found.setdefault((route, version), Calls())
        into.requests += counted.requests
        into.refused += counted.refused
        into.last_s = max(into.last_s, counted.last_s)
        for who, requests, last_s in counted.ranked():
            seen = into.callers.setdefault(who, Seen(0, 0, 0.0))
            seen.requests += requests
            seen.last_s = max(seen.last_s, last_s)
        yield
    for into in found.values():
        if len(into.callers) > MOST_CALLERS:
            most = islice(into.ranked(), MOST_CALLERS)
            into.callers = {who: Seen(requests, 0, last_s) for who, requests, last_s in most}
        yield
    return found
