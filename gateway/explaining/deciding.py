"""Why none of a service's instances can be used: counted by state, with evidence."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from discovery.health.advice import advice
from discovery.health.evidence_texts import for_anybody
from discovery.health.machine import Health
from discovery.model.words import ANY, FILE
from discovery.view.view import Entry
from middlewares.candidates.deciding import State, standing


@dataclass(frozen=True, slots=True)
class Sight:
    """An instance as this gateway sees it, and when its health last changed (Unix s).

    `ejection` is why it is out for what it answers; empty: it is not.
    """

    entry: Entry
    health: Health
    changed_s: float
    ejection: str = ""

    @property
    def state(self) -> State:
        is_out = self.ejection and self.health.status == "healthy"
        return standing(self.entry, "ejected" if is_out else self.health.condition)

    @property
    def seen(self) -> str:
        """What speaks against it."""
        if self.health.status == "healthy" and self.ejection:
            return self.ejection
        return self.health.latest if self.health.condition != "healthy" else ""


class Explanation:
    """The number of instances in each state, with the last evidence against one of them.

    It takes in one instance at a time, since a service may have thousands.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last: dict[str, Sight] = {}

    def add(self, sight: Sight) -> None:
        state = sight.state
        self._counts[state] += 1
        last = self._last.get(state)
        if last is None or sight.changed_s > last.changed_s:
            self._last[state] = sight

    def words(self, *, with_addresses: bool) -> str:
        return "; ".join(
            f"{count} {state}" + _seen(self._last[state], with_addresses=with_addresses)
            for state, count in sorted(self._counts.items())
        )

    def what_helps(self) -> str:
        """The advice against the last evidence, which names hosts; empty where none is known."""
        unwell = (last for last in self._last.values() if last.health.condition != "healthy")
        for sight in sorted(unwell, key=lambda sight: sight.changed_s, reverse=True):
            words = FILE if sight.entry.source == "file" else ANY
            if helps := advice(sight.health.latest, sight.entry.instance.host, words):
                return helps
        return ""


def explanation(sights: Iterable[Sight]) -> Explanation:
    """The explanation of these instances."""
    made = Explanation()
    for sight in sights:
        made.add(sight)
    return made


def _seen(sight: Sight, *, with_addresses: bool) -> str:
    seen = sight.seen
    if not seen:
        return ""
    return (
        f": {seen}, at {sight.entry.instance.authority}"
        if with_addresses
        else f": {for_anybody(seen)}"
    )
