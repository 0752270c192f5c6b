"""Counts the instances of each service by status, and recounts only what has changed."""

from collections.abc import Callable, Mapping

from discovery.health.book import HealthBook
from discovery.view.view import View


class InstanceCounts:
    """The counts for `/status` and `/metrics`, cheap enough to be asked for at any rate."""

    def __init__(self, view: Callable[[], View], health: HealthBook) -> None:
        self._view = view
        self._health = health
        self._counted: tuple[View, int] | None = None
        self._counts: Mapping[str, Mapping[str, int]] = {}

    def __call__(self) -> Mapping[str, Mapping[str, int]]:
        """By service: how many in `total`, and in each status by this gateway's verdict."""
        view, revision = self._view(), self._health.revision
        if self._counted is None or self._counted[0] is not view or self._counted[1] != revision:
            self._counts = self._count(view)
            self._counted = (view, revision)
        return self._counts

    def _count(self, view: View) -> Mapping[str, Mapping[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for name in sorted(view.services):
            registered = view.registered(name)
            if registered:
                count = {"total": 0, "healthy": 0, "starting": 0, "unhealthy": 0, "draining": 0}
                count["total"] = len(registered)
                for entry in registered:
                    count["draining" if entry.draining else self._health.status(entry.key)] += 1
                counts[name] = count
        return counts
