"""Which instances a request may go to: one ordered table of tiers, in one pure function."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from discovery.health.machine import Condition
from discovery.model.instance import Instance
from discovery.view.view import Entry, Status

StatusOf = Callable[[str], Status]
#: By instance key: real requests speak against it, and it has not been asked yet.
IsSuspected = Callable[[str], bool]
#: `healthy`, or what keeps requests from an instance, in the words of a 503.
State = Condition | Literal["draining", "lapsed", "healthy with weight 0"]


class Candidate(NamedTuple):
    """An instance that routing allows, and the tier that lets it in."""

    instance: Instance
    tier: str


class Judged(NamedTuple):
    """An instance and how it stands; of one that is left out that is the reason."""

    entry: Entry
    state: State


class Selection(NamedTuple):
    """The candidates, all of one `tier` (None: there are none), and the instances that are left out."""

    candidates: tuple[Candidate, ...]
    tier: str | None
    excluded: tuple[Judged, ...]

    @property
    def is_starting(self) -> bool:
        """All that could take requests have yet to be probed: their first verdict is worth waiting for."""
        if self.candidates:
            return False
        able = [
            one.state
            for one in self.excluded
            if one.entry.absent is None
            and one.state != "draining"
            and one.entry.instance.weight > 0
        ]
        return bool(able) and all(state == "starting" for state in able)


def _registered(one: Judged) -> bool:
    return one.entry.absent is None and one.state == "healthy"


def _lost(one: Judged) -> bool:
    return one.entry.absent == "lost" and one.state == "healthy"


def _suspected(one: Judged) -> bool:
    return one.state == "suspected"


def _lapsed(one: Judged) -> bool:
    return one.state == "lapsed"


#: The first tier with an instance in it is the one that counts. Every tier wants passed probes.
#: An instance that was lost with the registry's data stands beside the registered ones: a partly
#: refilled registry is not the whole truth. Where all are suspected, one of them may yet answer.
TIERS: tuple[tuple[str, tuple[Callable[[Judged], bool], ...]], ...] = (
    ("registered", (_registered, _lost)),
    ("suspected", (_suspected,)),
    ("lapsed", (_lapsed,)),
)


def standing(entry: Entry, condition: Condition) -> State:
    """How an instance stands by the registry's word on it and by this gateway's own verdict."""
    if entry.draining:
        return "draining"
    if entry.absent == "lapsed":
        return "lapsed"
    if condition == "healthy" and not entry.instance.weight:
        return "healthy with weight 0"
    return condition


def find_candidates(
    entries: Iterable[Entry], status_of: StatusOf, is_suspected: IsSuspected
) -> Selection:
    """The instances of the best tier; `status_of` gives this gateway's own verdict by key.

    Suspected is also what stands at the address of another id that drains: a process that was killed
    and is back under a new id stands there twice, and leaves under one of them only.
    """
    entries = list(entries)
    leaving = {_place(entry) for entry in entries if entry.draining}
    able: list[Judged] = []
    excluded: list[Judged] = []
    for entry in entries:
        condition: Condition = status_of(entry.key)
        passes = condition == "healthy"
        if passes and ((leaving and _place(entry) in leaving) or is_suspected(entry.key)):
            condition = "suspected"
        is_able = passes and not entry.draining and entry.instance.weight > 0
        (able if is_able else excluded).append(Judged(entry, standing(entry, condition)))
    for tier, kinds in TIERS:
        found, rest = list[Judged](), list[Judged]()
        for one in able:
            (found if any(kind(one) for kind in kinds) else rest).append(one)
        if found:
            candidates = tuple(Candidate(one.entry.instance, tier) for one in found)
            return Selection(candidates, tier, tuple(excluded + rest))
    return Selection((), None, tuple(excluded))


def _place(entry: Entry) -> tuple[str, int]:
    return entry.instance.host, entry.instance.port
