"""Decides which versions a request may go to."""

from collections.abc import Iterable, Sequence
from itertools import combinations as combinations_of
from itertools import islice, product
from typing import NamedTuple

from middlewares.failures import NoHealthyInstance, VersionConflict, VersionGone, VersionNotFound
from middlewares.version_ranges import ANY, VersionRange, line_of, parse_version
from middlewares.versions.deciding.naming import Named, in_words
from middlewares.versions.policy import Deprecated, VersionsPolicy

#: Places with several versions each can be combined in at most so many ways.
_MOST_COMBINATIONS = 256
#: So many versions are listed in a message.
_MOST_LISTED = 10


class Registered(NamedTuple):
    """The versions of a service's instances, the oldest first.

    `staying` are those of instances that do not drain and whose lease has not ended. `known`: it has
    instances, and `mixed` some without a version. `partial`: there may be more that nothing is known of yet.
    """

    service: str
    versions: tuple[str, ...] = ()
    staying: tuple[str, ...] = ()
    known: bool = False
    partial: bool = False
    mixed: bool = False


class Chosen(NamedTuple):
    """The ranges that all have to hold an instance's version, and what they are called."""

    ranges: tuple[VersionRange, ...]
    text: str | None
    #: Whether the oldest version was taken, because nothing says which one.
    is_oldest: bool = False


def in_order(versions: Iterable[str]) -> tuple[str, ...]:
    """The versions without repetitions, the oldest first; text that is no version is left out."""
    parsed = [(found, text) for text in set(versions) if (found := parse_version(text)) is not None]
    return tuple(text for _, text in sorted(parsed, key=lambda one: (one[0], one[1])))


def choose(
    policy: VersionsPolicy,
    named: Sequence[Named],
    registered: Registered,
    now_s: float,
    *,
    is_split: bool = False,
) -> Chosen:
    """The versions for a request.

    `is_split`: a request that names no version goes where the route's split sends it. Raises VersionConflict,
    VersionNotFound, VersionGone, and NoHealthyInstance if there is none of the default.
    """
    gone = policy.gone(now_s)
    if not named:
        if is_split:
            return Chosen(_without((ANY,), gone) if gone else (), None)
        if policy.default is None:
            ended = _all_that_ended(policy, registered, gone)
            if ended is not None:
                raise _gone(ended.versions.text, ended, registered, gone)
            return _oldest(registered, gone)
    options = _options(named) if named else [_ranges([policy.default or ANY])]
    stays = [one for one in registered.versions if not _is_in(gone, one)]
    held: dict[VersionRange, set[str]] = {}
    for option in options:
        for each in option:
            if each not in held:
                held[each] = {one for one in stays if each.holds(one)}
        if not option or set[str].intersection(*(held[each] for each in option)):
            return _chosen(option, gone)
    first = options[0]
    fitting = [one for one in registered.versions if all(each.holds(one) for each in first)]
    ended = next((one for one in policy.deprecated if _means(first, fitting, one, now_s)), None)
    if ended is not None:
        raise _gone(_name(first), ended, registered, gone)
    if not registered.known:
        return _chosen(first, gone)
    if not named or registered.partial:
        raise NoHealthyInstance(registered.service, first)
    raise VersionNotFound(registered.service, _name(first), _listed(registered, gone))


def deprecation(policy: VersionsPolicy, version: str | None) -> Deprecated | None:
    """What is deprecated of an answer by the version that gave it; None: its instance has none."""
    return next((one for one in policy.deprecated if one.versions.holds(version)), None)


def deprecation_of(policy: VersionsPolicy, ranges: Sequence[VersionRange]) -> Deprecated | None:
    """What is deprecated of what was asked for."""
    asked = ranges or (ANY,)
    return next(
        (one for one in policy.deprecated if any(each.is_within(one.versions) for each in asked)),
        None,
    )


def _all_that_ended(
    policy: VersionsPolicy, registered: Registered, gone: Sequence[VersionRange]
) -> Deprecated | None:
    """What a request that names no version is told of if all that there is is gone; None: something is there."""
    ended = [one for one in policy.deprecated if one.versions in gone]
    every = next((one for one in ended if one.versions.is_any), None)
    if every is not None:
        return every
    versions = registered.versions
    if not versions or registered.mixed or registered.partial:
        return None
    if not all(_is_in(gone, one) for one in versions):
        return None
    return next(one for one in ended if one.versions.holds(versions[-1]))


def _gone(
    asked: str, ended: Deprecated, registered: Registered, gone: Sequence[VersionRange]
) -> VersionGone:
    return VersionGone(asked, ended.versions.text, ended.sunset_s or 0, _listed(registered, gone))


def _oldest(registered: Registered, gone: Sequence[VersionRange]) -> Chosen:
    """The line of the oldest version that there is, releases before pre-releases."""
    there = [one for one in registered.staying or registered.versions if not _is_in(gone, one)]
    releases = [one for one in there if "-" not in one.partition("+")[0]]
    oldest = next(iter(releases or there), None)
    line = None if oldest is None else line_of(oldest)
    if line is None:
        # Instances without a version, or none at all.
        return Chosen(_without((ANY,), gone) if gone else (), None, is_oldest=True)
    return Chosen(_without((line,), gone), line.text, is_oldest=True)


def _options(named: Sequence[Named]) -> list[tuple[VersionRange, ...]]:
    """What satisfies every place, the most welcome first. Raises VersionConflict."""
    overlaps = _Overlaps()
    combinations = islice(product(*(one.ranges for one in named)), _MOST_COMBINATIONS)
    agreeing = [_ranges(one) for one in combinations if overlaps.all_of(one)]
    if not agreeing:
        one, other = _contradiction(named, overlaps)
        raise VersionConflict(
            f"{in_words(one.place)} names version {one.ranges[0]} and {in_words(other.place)} "
            f"version {other.ranges[0]}: name one of them"
        )
    return agreeing


class _Overlaps(dict[tuple[VersionRange, VersionRange], bool]):
    """Whether two ranges overlap, found out once for each two: clients choose how many there are."""

    def __missing__(self, both: tuple[VersionRange, VersionRange]) -> bool:
        found = self[both] = both[0].overlaps(both[1])
        return found

    def all_of(self, ranges: Sequence[VersionRange]) -> bool:
        """Whether each two of them do."""
        return all(self[both] for both in combinations_of(ranges, 2))


def _contradiction(named: Sequence[Named], overlaps: _Overlaps) -> tuple[Named, Named]:
    for one, other in combinations_of(named, 2):
        if not any(overlaps[both] for both in product(one.ranges, other.ranges)):
            return one, other
    return named[0], named[-1]


def _ranges(ranges: Iterable[VersionRange]) -> tuple[VersionRange, ...]:
    return tuple(dict.fromkeys(one for one in ranges if not one.is_any))


def _chosen(option: tuple[VersionRange, ...], gone: Sequence[VersionRange]) -> Chosen:
    kept = _without(option or (ANY,), gone) if gone else option
    return Chosen(kept, _name(option) if option else None)


def _without(
    ranges: tuple[VersionRange, ...], gone: Sequence[VersionRange]
) -> tuple[VersionRange, ...]:
    first, *others = ranges
    for one in gone:
        if first.overlaps(one):
            first = first.without(one)
    return (first, *others)


def _means(
    option: Sequence[VersionRange], fitting: Sequence[str], one: Deprecated, now_s: float
) -> bool:
    """Whether a request asks for versions that are gone, whether they are registered still or not."""
    if not one.is_gone(now_s):
        return False
    if fitting:
        return any(one.versions.holds(version) for version in fitting)
    return any(each.is_within(one.versions) for each in option)


def _is_in(ranges: Sequence[VersionRange], version: str) -> bool:
    return any(one.holds(version) for one in ranges)


def _name(option: Sequence[VersionRange]) -> str:
    return " and ".join(one.text for one in option) or "*"


def _listed(registered: Registered, gone: Sequence[VersionRange]) -> tuple[str, ...]:
    """The versions to tell of, the newest first."""
    there = [one for one in reversed(registered.versions) if not _is_in(gone, one)]
    return tuple(there[:_MOST_LISTED])
