"""The registry's last answers, which are valid for as long as a lease."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..model.answers import Record, Snapshot


@dataclass(frozen=True, slots=True)
class _Lost:
    """An instance that was lost with the registry's data, as it was at `seen_s`."""

    record: Record
    seen_s: float


@dataclass(frozen=True, slots=True)
class _Answer:
    at_s: float
    snapshot: Snapshot
    lost: Mapping[str, _Lost] = field(default_factory=dict)


class LastAnswers:
    """Snapshots by service ('' is all of them); times are seconds of one monotonic clock."""

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._answers: dict[str, _Answer] = {}

    def remember(self, service: str, snapshot: Snapshot, now_s: float) -> Snapshot:
        """Keep an answer, and return it with the instances that the registry lost without removing.

        After a loss of data, instances register again one after another. Until one is back and has been
        judged anew, its last known record stays valid for as long as a lease.
        """
        lost: dict[str, _Lost] = {}
        before = self._answers.get(service)
        if before is not None:
            lost.update(before.lost)
            if _is_loss(before.snapshot, snapshot):
                lost.update(_in_force(before))
        status = {record.instance.key: record.status for record in snapshot.records}
        lost = {
            key: one
            for key, one in lost.items()
            if now_s - one.seen_s <= self._kept_s
            and key not in snapshot.removed
            and status.get(key, "starting") == "starting"
        }
        answer = self._answers[service] = _Answer(now_s, snapshot, lost)
        return self._with_lost(answer, now_s)

    def recall(self, service: str, now_s: float) -> Snapshot | None:
        """The last answer, unless it is older than a lease."""
        answer = self._answers.get(service)
        if answer is None or now_s - answer.at_s > self._kept_s:
            return None
        return self._with_lost(answer, now_s)

    def _with_lost(self, answer: _Answer, now_s: float) -> Snapshot:
        lost, snapshot = answer.lost, answer.snapshot
        if not lost:
            return snapshot
        records = {
            record.instance.key: record
            if record.instance.key not in lost
            else replace(record, status=lost[record.instance.key].record.status)
            for record in snapshot.records
        }
        for key, one in lost.items():
            left_s = one.seen_s + self._kept_s - now_s
            if key not in records and left_s > 0:
                # The new data may come from a server with another clock, so count from the time left.
                lapses_at_ms = snapshot.now_ms + round(left_s * 1000)
                records[key] = replace(one.record, lapses_at_ms=lapses_at_ms)
        return replace(snapshot, records=tuple(records[key] for key in sorted(records)))


def _is_loss(before: Snapshot, after: Snapshot) -> bool:
    """Whether the data set is a new one, or an older copy: a replica that was promoted."""
    return before.epoch != after.epoch or after.revision < before.revision


def _in_force(answer: _Answer) -> dict[str, _Lost]:
    return {
        record.instance.key: _Lost(record, answer.at_s)
        for record in answer.snapshot.records
        if record.lapses_at_ms > answer.snapshot.now_ms and not record.draining
    }
