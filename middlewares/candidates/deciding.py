"""Which instances a request may go to: one ordered table of tiers, in one pure function."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from discovery.model.instance import Instance
from discovery.view.view import Entry, Status

StatusOf = Callable[[str], Status]
#: By instance key: real requests speak against it, and it has not been asked yet.
IsSuspected = Callable[[str], bool]


class Candidate(NamedTuple):
    """An instance that routing allows, and the tier that lets it in."""

    instance: Instance
    tier: str


class _Able(NamedTuple):
    """An instance that passes its probes and may be given requests.

    `suspected`: real requests speak against it, or another id at its address drains. A process that
    was killed and is back under a new id stands there twice, and leaves under one of them only.
    """

    entry: Entry
    suspected: bool


def _registered(one: _Able) -> bool:
    return one.entry.absent is None and not one.suspected


def _lost(one: _Able) -> bool:
    return one.entry.absent == "lost" and not one.suspected


def _suspected(one: _Able) -> bool:
    return one.entry.absent != "lapsed" and one.suspected


def _lapsed(one: _Able) -> bool:
    return one.entry.absent == "lapsed"


#: The first tier with an instance in it is the one that counts. Every tier wants passed probes.
#: An instance that was lost with the registry's data stands beside the registered ones: a partly
#: refilled registry is not the whole truth. Where all are suspected, one of them may yet answer.
TIERS: tuple[tuple[str, tuple[Callable[[_Able], bool], ...]], ...] = (
    ("registered", (_registered, _lost)),
    ("suspected", (_suspected,)),
    ("lapsed", (_lapsed,)),
)


def find_candidates(
    entries: Iterable[Entry], status_of: StatusOf, is_suspected: IsSuspected
) -> tuple[Candidate, ...]:
    """The instances of the best tier; `status_of` gives this gateway's own verdict by key."""
    entries = list(entries)
    leaving = {_place(entry) for entry in entries if entry.draining}
    able = [
        _Able(entry, _place(entry) in leaving or is_suspected(entry.key))
        for entry in entries
        if not entry.draining and entry.instance.weight > 0 and status_of(entry.key) == "healthy"
    ]
    for name, kinds in TIERS:
        found = [one for one in able if any(kind(one) for kind in kinds)]
        if found:
            return tuple(Candidate(one.entry.instance, name) for one in found)
    return ()


def _place(entry: Entry) -> tuple[str, int]:
    return entry.instance.host, entry.instance.port


def is_starting(entries: Iterable[Entry], status_of: StatusOf) -> bool:
    """All that could take requests have yet to be probed: their first verdict is worth waiting for."""
    statuses = [
        status_of(entry.key)
        for entry in entries
        if entry.absent is None and not entry.draining and entry.instance.weight > 0
    ]
    return bool(statuses) and all(status == "starting" for status in statuses)
