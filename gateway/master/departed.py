"""What workers have counted that do not tell it themselves any more."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

Counters = dict[str, float]

REPLACEMENTS = "gateway_worker_replacements"


class Counting(Protocol):
    """A worker, with the last counters that it told."""

    @property
    def id(self) -> str: ...
    @property
    def counters(self) -> Mapping[str, float]: ...


def add(sums: Counters, counters: Mapping[str, float]) -> None:
    """Add the counters to the sums."""
    for name, value in counters.items():
        sums[name] = sums.get(name, 0) + value


def departed(
    ended: Mapping[str, float], here: Iterable[Counting], asker: str, answered: Collection[str]
) -> dict[str, Any]:
    """The counters that nobody else tells: of workers that have `ended`, and of those that did not answer.

    `gone` are those of `answered` that have ended meanwhile: they are in `counters` already.
    """
    counters, ids = dict(ended), set()
    for worker in here:
        ids.add(worker.id)
        if worker.id != asker and worker.id not in answered:
            add(counters, worker.counters)
    return {"counters": counters, "gone": [one for one in answered if one not in ids]}


def count_replacement(sums: Counters, why: str) -> None:
    """Count a worker that has ended and is replaced: it was `rolled`, `hung`, or `crashed`."""
    about = "Workers that ended and were replaced, by why."
    sums[_key("#", REPLACEMENTS, "counter", about)] = 0
    add(sums, {_key(REPLACEMENTS, "_total", "why", why): 1})


def _key(*parts: str) -> str:
    """In the form of the workers' own keys (`gateway.siblings.summing`)."""
    return json.dumps(parts, separators=(",", ":"))
