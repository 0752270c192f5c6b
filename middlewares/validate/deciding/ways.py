"""In how many ways one value may have to be looked at, which a document's references can multiply without end.

A schema hands a value on to the schemas that its references name `here`, as in a list of `anyOf`, and the parts
of the value to those `below`, as in `properties`. Two ways to the same part double at each level.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from middlewares.validate.deciding.references import LeftOut

#: How many ways are tried for one value at most, and how many schemas one schema may hand a value on to.
MOST_WAYS = 20_000
MOST_HERE = 2000
#: How many of these are noted for all schemas of an operation together, and the most circles that are opened.
MOST_NOTED = 100_000
MOST_CIRCLES = 16
#: The steps from a value to a part of it: the names of properties behind a slash, or these.
Place = tuple[str, ...]
ITEM, MEMBER = "[]", "{}"
ROOT = ""


@dataclass(slots=True)
class Refs:
    """The references of one schema: how often each is met `here`, and at each place `below`."""

    here: Counter[str] = field(default_factory=Counter)
    below: dict[Place, Counter[str]] = field(default_factory=dict)

    def add(self, reference: str, place: Place) -> None:
        """Note a reference. Places behind an item or any member are taken together, so rather too many."""
        for index, step in enumerate(place):
            if step in (ITEM, MEMBER):
                place = place[: index + 1]
                break
        if place:
            self.below.setdefault(place, Counter())[reference] += 1
        else:
            self.here[reference] += 1

    def names(self) -> list[str]:
        """The references, each at least once."""
        return [*self.here, *(one for references in self.below.values() for one in references)]


def most_depth(schemas: Mapping[str, Refs]) -> int | None:
    """How deeply a value may be nested; None: any depth can be checked.

    `schemas` are those that are reached from the one called ROOT, with it. Raises LeftOut if some values have too
    many ways at any depth.
    """
    if not any(one.here for one in schemas.values()) and not any(
        map(_meet_below, schemas.values())
    ):
        return None
    reached = _handed_on(schemas)
    below = {name: _below(handed, schemas) for name, handed in reached.items()}
    if _ways_in_all(below) <= MOST_WAYS:
        return None
    growth = max(map(_most_at_once, below.values()))
    depth, ways = 0, 1
    while ways * growth <= MOST_WAYS:
        depth, ways = depth + 1, ways * growth
    return depth


def _meet_below(refs: Refs) -> bool:
    return len(refs.below) > 0 and _most_at_once(refs.below) > 1


def _handed_on(schemas: Mapping[str, Refs]) -> Mapping[str, Counter[str]]:
    """How often each schema is reached from each at the same value. Raises LeftOut."""
    edges = {name: set(one.here) for name, one in schemas.items() if one.here}
    hubs: set[str] = set()
    # Subtypes that name their base, which names them, meet in the base: there a way ends that came from it.
    while True:
        try:
            order = [*TopologicalSorter(edges).static_order()]
            break
        except CycleError as error:
            circle = error.args[1][1:]
            hub = max(
                circle, key=lambda one: (sum(one in others for others in edges.values()), one)
            )
            hubs.add(hub)
            if len(hubs) > MOST_CIRCLES:
                raise LeftOut("its schemas refer to each other in too many circles") from None
            edges = {name: others - {hub} for name, others in edges.items()}
    reached: dict[str, Counter[str]] = {name: Counter([name]) for name in schemas}
    noted = 0
    for name in order:
        for other, times in schemas[name].here.items():
            _add(reached[name], Counter([other]) if other in hubs else reached[other], times)
        noted += len(reached[name])
        if noted > MOST_NOTED:
            raise LeftOut("its schemas refer to each other too often")
    for hub in hubs:
        reached[hub][hub] = 1
        if not hubs.isdisjoint(reached[hub].keys() - {hub}):
            raise LeftOut("its schemas refer to each other in circles that cross")
    for name in schemas:
        for hub in hubs & (reached[name].keys() - {name}):
            times = reached[name].pop(hub)
            _add(reached[name], reached[hub], times)
    return reached


def _add(to: Counter[str], more: Counter[str], times: int) -> None:
    for name, number in more.items():
        to[name] += number * times
    if to.total() > MOST_HERE:
        raise LeftOut(f"a value would be held against more than {MOST_HERE} schemas at once")


def _below(handed: Counter[str], schemas: Mapping[str, Refs]) -> dict[Place, Counter[str]]:
    """The references that parts of a value meet, after it was handed on."""
    found: dict[Place, Counter[str]] = {}
    for name, times in handed.items():
        for place, references in schemas[name].below.items():
            at = found.setdefault(place, Counter())
            for reference, number in references.items():
                at[reference] += number * times
    return found


def _ways_in_all(below: Mapping[str, Mapping[Place, Counter[str]]]) -> float:
    """The most ways to any part of a value; infinite if a schema leads back to itself."""
    edges = {
        name: {one for references in places.values() for one in references}
        for name, places in below.items()
    }
    try:
        order = [*TopologicalSorter(edges).static_order()]
    except CycleError:
        return float("inf") if max(map(_most_at_once, below.values())) > 1 else 1
    ways: dict[str, int] = {}
    for name in order:
        met = {
            place: sum(min(ways[one], MOST_WAYS + 1) * number for one, number in references.items())
            for place, references in below[name].items()
        }
        ways[name] = max(1, _most(met))
    return ways[ROOT]


def _most_at_once(places: Mapping[Place, Counter[str]]) -> int:
    """The most references that one part of a value meets."""
    return _most({place: references.total() for place, references in places.items()})


def _most(met: Mapping[Place, int]) -> int:
    """The most at one place, with those that hold for every member there."""
    return max((_at(place, met) for place in met), default=0)


def _at(place: Place, met: Mapping[Place, int]) -> int:
    found = met[place]
    for index, step in enumerate(place):
        anywhere = (*place[:index], MEMBER)
        if step not in (ITEM, MEMBER):
            found += met.get(anywhere, 0)
    return found
