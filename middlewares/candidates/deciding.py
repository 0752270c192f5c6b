"""Finds the instances that a request may go to, by one ordered table of tiers."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal, NamedTuple, Protocol

from discovery.health.machine import Condition
from discovery.model.instance import Instance
from discovery.view.view import Entry, Status


class Holds(Protocol):
    """A range of versions; an instance may have None."""

    def holds(self, version: str | None) -> bool: ...


StatusOf = Callable[[str], Status]
#: Whether requests to an instance (by key) have failed and it has not been probed since.
IsSuspected = Callable[[str], bool]
#: Whether an instance (by key) is out for what real requests say of it.
IsEjected = Callable[[str], bool]
#: `healthy`, or the reason why an instance gets no requests, as a 503 words it.
State = Condition | Literal["draining", "lapsed", "healthy with weight 0"]


class Candidate(NamedTuple):
    """An instance that routing allows, and the tier that admitted it."""

    instance: Instance
    tier: str


class Candidates(tuple[Candidate, ...]):  # noqa: SLOT001  # it remembers
    """Candidates, with what they have in common: found out once for all requests that they serve."""

    #: The load of each, kept by who balances once each of them has had a request.
    loads: Sequence[Any] | None = None
    #: A number for each instance, kept by who hashes.
    seeds: Sequence[int] | None = None
    #: The ejected instances beside them; each comes back by single requests that are sent to it on trial.
    ejected: "tuple[Candidate, ...]" = ()
    #: Set for an ejected instance that a request is sent to on trial.
    are_on_trial = False

    @cached_property
    def weights(self) -> Sequence[float]:
        """Each candidate's weight; that of a new instance may be growing."""
        return [one.instance.weight for one in self]

    @cached_property
    def are_even(self) -> bool:
        """Whether all have the same weight."""
        return len(set(self.weights)) == 1

    @cached_property
    def cumulated_weights(self) -> Sequence[float]:
        """For each candidate the sum of the weights up to its own."""
        return list(accumulate(self.weights))

    def without(self, tried: Candidate) -> "Candidates":
        return Candidates(one for one in self if one is not tried)

    def weighted(self, weights: Sequence[float]) -> "Candidates":
        """The same candidates with other weights."""
        others = Candidates(self)
        others.weights, others.loads, others.seeds = weights, self.loads, self.seeds
        return others


class Judged(NamedTuple):
    """An instance and its state; the state of an excluded instance is the reason for that."""

    entry: Entry
    state: State


class Selection(NamedTuple):
    """The candidates, all of one `tier` (None: no candidates), and the excluded instances."""

    candidates: Candidates
    tier: str | None
    excluded: tuple[Judged, ...]

    @property
    def is_starting(self) -> bool:
        """Whether all instances that could take requests wait for their first probe."""
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


def _ejected(one: Judged) -> bool:
    return one.state == "ejected"


def _lapsed(one: Judged) -> bool:
    return one.state == "lapsed"


#: The first tier with an instance in it counts. Every tier requires passed probes. An instance that was
#: lost with the registry's data ranks with the registered ones, because a registry that is only partly
#: refilled is not complete. If all are suspected, one of them may still answer. One that was ejected for
#: what it answered is worse than those, and better than nothing; a lapsed one is no longer registered.
TIERS: tuple[tuple[str, tuple[Callable[[Judged], bool], ...]], ...] = (
    ("registered", (_registered, _lost)),
    ("suspected", (_suspected,)),
    ("ejected", (_ejected,)),
    ("lapsed", (_lapsed,)),
)


def standing(entry: Entry, condition: Condition) -> State:
    """The state of an instance by its registration and by this gateway's own verdict."""
    if entry.draining:
        return "draining"
    if entry.absent == "lapsed":
        return "lapsed"
    if condition == "healthy" and not entry.instance.weight:
        return "healthy with weight 0"
    return condition


def nobody(_key: str) -> bool:
    """No instance is ejected."""
    return False


def find_candidates(
    entries: Iterable[Entry],
    status_of: StatusOf,
    is_suspected: IsSuspected,
    is_ejected: IsEjected = nobody,
    ranges: Collection[Holds] = (),
) -> Selection:
    """Find the instances of the best tier; `status_of` gives this gateway's own verdict by key.

    An instance is also suspected if another id at its address drains: a process that was killed and
    came back under a new id is registered twice, and drains under only one of the ids.

    Instances for which the file's count are neither candidates nor excluded, nor are those whose version one
    of the ranges does not hold.
    """
    entries = list(entries)
    leaving = {_place(entry) for entry in entries if entry.draining}
    entries = without_doubles(entries)
    if ranges:
        # At last, since what another version has at an address counts: a process may come back as one.
        entries = [
            one for one in entries if all(each.holds(one.instance.version) for each in ranges)
        ]
    able: list[Judged] = []
    excluded: list[Judged] = []
    for entry in entries:
        condition: Condition = status_of(entry.key)
        passes = condition == "healthy"
        if passes and is_ejected(entry.key):
            condition = "ejected"
        elif passes and ((leaving and _place(entry) in leaving) or is_suspected(entry.key)):
            condition = "suspected"
        is_able = passes and not entry.draining and entry.instance.weight > 0
        (able if is_able else excluded).append(Judged(entry, standing(entry, condition)))
    for tier, kinds in TIERS:
        found, rest = list[Judged](), list[Judged]()
        for one in able:
            (found if any(kind(one) for kind in kinds) else rest).append(one)
        if found:
            candidates = Candidates(Candidate(one.entry.instance, tier) for one in found)
            if out := tuple(
                Candidate(one.entry.instance, "ejected")
                for one in rest
                if _ejected(one) and not is_suspected(one.entry.key)
            ):
                candidates.ejected = out
            return Selection(candidates, tier, tuple(excluded + rest))
    return Selection(Candidates(), None, tuple(excluded))


def without_doubles(entries: Collection[Entry]) -> Collection[Entry]:
    """The entries without those that are registered at an address that the file names.

    Such an address would get twice its share, and against what the file's probes say.
    """
    fixed = {_place(entry) for entry in entries if entry.source == "file"}
    if not fixed:
        return entries
    return [one for one in entries if one.source == "file" or _place(one) not in fixed]


def _place(entry: Entry) -> tuple[str, int]:
    return entry.instance.host, entry.instance.port
