"""The last known answers of the registry, good for as long as a lease is."""

from discovery.commands import Snapshot


class LastAnswers:
    """Snapshots by service ('' is all of them); times are seconds of one monotonic clock."""

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._answers: dict[str, tuple[float, Snapshot]] = {}

    def remember(self, service: str, snapshot: Snapshot, now_s: float) -> None:
        self._answers[service] = (now_s, snapshot)

    def recall(self, service: str, now_s: float) -> Snapshot | None:
        """The last answer, unless it is older than a lease."""
        at_s, snapshot = self._answers.get(service, (0.0, None))
        return snapshot if snapshot is not None and now_s - at_s <= self._kept_s else None
