"""Why none of a service's instances can be used: how many are in which state, and what was seen of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from discovery.advice import advice
from discovery.evidence_texts import for_anybody
from discovery.health import Health
from discovery.view import Entry


@dataclass(frozen=True, slots=True)
class Sight:
    """An instance as this gateway sees it, and when its health last changed (Unix s)."""

    entry: Entry
    health: Health
    changed_s: float

    @property
    def state(self) -> str:
        if self.entry.draining:
            return "draining"
        if self.entry.absent == "lapsed":
            return "lapsed"
        if self.health.condition == "healthy" and not self.entry.instance.weight:
            return "healthy with weight 0"
        return self.health.condition


def what_helps(sights: Iterable[Sight]) -> str:
    """The sentence that helps against what was seen last; empty where none is known. It names hosts."""
    unwell = (sight for sight in sights if sight.health.condition != "healthy")
    for sight in sorted(unwell, key=lambda sight: sight.changed_s, reverse=True):
        if helps := advice(sight.health.latest, sight.entry.instance.host):
            return helps
    return ""


def explain(sights: Iterable[Sight], *, with_addresses: bool) -> str:
    """The instances counted by state, each state with what was last seen of one in it."""
    by_state: dict[str, list[Sight]] = {}
    for sight in sights:
        by_state.setdefault(sight.state, []).append(sight)
    parts = []
    for state, some in sorted(by_state.items()):
        last = max(some, key=lambda sight: sight.changed_s)
        seen = last.health.latest if last.health.condition != "healthy" else ""
        if seen and with_addresses:
            seen = f"{seen}, at {last.entry.instance.authority}"
        elif seen:
            seen = for_anybody(seen)
        parts.append(f"{len(some)} {state}: {seen}" if seen else f"{len(some)} {state}")
    return "; ".join(parts)
