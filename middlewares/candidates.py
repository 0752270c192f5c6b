"""Which instances a request may go to: one ordered table of tiers, in one pure function."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from discovery.instance import Instance
from discovery.view import Entry, Status

StatusOf = Callable[[str], Status]


class Candidate(NamedTuple):
    """An instance that routing allows, and the tier that lets it in."""

    instance: Instance
    tier: str


def _registered(entry: Entry) -> bool:
    return entry.absent is None


def _lost(entry: Entry) -> bool:
    return entry.absent == "lost"


def _lapsed(entry: Entry) -> bool:
    return entry.absent == "lapsed"


#: The first tier with an instance in it is the one that counts. Every tier wants passed probes.
#: An instance that was lost with the registry's data stands beside the registered ones: a partly
#: refilled registry is not the whole truth.
TIERS: tuple[tuple[str, tuple[Callable[[Entry], bool], ...]], ...] = (
    ("registered", (_registered, _lost)),
    ("lapsed", (_lapsed,)),
)


def find_candidates(entries: Iterable[Entry], status_of: StatusOf) -> tuple[Candidate, ...]:
    """The instances of the best tier; `status_of` gives this gateway's own verdict by key."""
    able = [
        entry
        for entry in entries
        if not entry.draining and entry.instance.weight > 0 and status_of(entry.key) == "healthy"
    ]
    for name, kinds in TIERS:
        found = [entry for entry in able if any(kind(entry) for kind in kinds)]
        if found:
            return tuple(Candidate(entry.instance, name) for entry in found)
    return ()


def is_starting(entries: Iterable[Entry], status_of: StatusOf) -> bool:
    """All that could take requests have yet to be probed: their first verdict is worth waiting for."""
    statuses = [
        status_of(entry.key)
        for entry in entries
        if entry.absent is None and not entry.draining and entry.instance.weight > 0
    ]
    return bool(statuses) and all(status == "starting" for status in statuses)
