"""The last known answers: how long they count, also when the registry has lost its data."""

from dataclasses import replace

import pytest

from discovery.client.last_answers import LastAnswers
from discovery.model.answers import Record, Snapshot
from discovery.model.instance import parse_registration

KEPT_S = 15.0


def record(instance_id: str, status: str = "healthy", *, draining: bool = False) -> Record:
    instance = parse_registration("price", instance_id, {"host": "h", "port": 1}, default_ttl_s=15)
    return Record(instance, 0, 16_000, draining, status)


def snapshot(*records: Record, epoch: str = "one", revision: int = 9, **more: object) -> Snapshot:
    fixed = Snapshot(epoch, revision, "0-0", 1_000, 1, records, {}, frozenset())
    return replace(fixed, **more)  # type: ignore[arg-type]


def statuses(answer: Snapshot | None) -> dict[str, str]:
    assert answer is not None
    return {one.instance.id: one.status for one in answer.records}


@pytest.fixture
def answers() -> LastAnswers:
    """Answers with one complete answer remembered at 0 s."""
    answers = LastAnswers(KEPT_S)
    answers.remember("price", snapshot(record("a"), record("b")), 0)
    return answers


def test_an_answer_holds_for_as_long_as_a_lease(answers: LastAnswers) -> None:
    assert statuses(answers.recall("price", KEPT_S)) == {"a": "healthy", "b": "healthy"}
    assert answers.recall("price", KEPT_S + 0.1) is None
    assert answers.recall("orders", 0) is None


def test_while_the_data_is_the_same_the_registry_is_the_whole_truth(answers: LastAnswers) -> None:
    assert statuses(answers.remember("price", snapshot(record("b")), 1)) == {"b": "healthy"}


@pytest.mark.parametrize(
    "emptied",
    [snapshot(epoch="two", revision=0), snapshot(epoch="", revision=0), snapshot(revision=8)],
    ids=["another data set", "one that can't be written", "an older copy"],
)
def test_an_emptied_registry_is_not_believed_until_a_lease_is_over(
    answers: LastAnswers, emptied: Snapshot
) -> None:
    assert statuses(answers.remember("price", emptied, 1)) == {"a": "healthy", "b": "healthy"}
    assert statuses(answers.recall("price", 2)) == {"a": "healthy", "b": "healthy"}
    assert statuses(answers.remember("price", emptied, 14)) == {"a": "healthy", "b": "healthy"}
    assert statuses(answers.remember("price", emptied, KEPT_S + 0.1)) == {}


def test_a_partly_refilled_registry_is_not_the_whole_truth(answers: LastAnswers) -> None:
    """An instance that is back is not unhealthy only because no gateway has judged it again yet."""
    partly = snapshot(record("a", "starting"), epoch="two", revision=1)
    assert statuses(answers.remember("price", partly, 1)) == {"a": "healthy", "b": "healthy"}


def test_a_new_verdict_counts_at_once(answers: LastAnswers) -> None:
    answers.remember("price", snapshot(epoch="two", revision=0), 1)
    judged = snapshot(record("a", "unhealthy"), epoch="two", revision=2)
    assert statuses(answers.remember("price", judged, 2)) == {"a": "unhealthy", "b": "healthy"}
    lapsed = snapshot(epoch="two", revision=3)
    assert statuses(answers.remember("price", lapsed, 3)) == {"b": "healthy"}


def test_what_was_removed_on_purpose_stays_removed(answers: LastAnswers) -> None:
    removed = frozenset({"price/a"})
    emptied = snapshot(epoch="two", revision=1, removed=removed)
    assert statuses(answers.remember("price", emptied, 1)) == {"b": "healthy"}
    assert statuses(answers.remember("price", replace(emptied, removed=frozenset()), 2)) == {
        "b": "healthy"
    }


def test_what_was_draining_or_had_lapsed_is_not_brought_back() -> None:
    answers = LastAnswers(KEPT_S)
    lapsed = replace(record("b"), lapses_at_ms=1_000)
    answers.remember("price", snapshot(record("a", draining=True), lapsed), 0)
    assert statuses(answers.remember("price", snapshot(epoch="two"), 1)) == {}


def test_a_lost_instance_is_shown_with_its_last_known_heartbeat_in_the_new_clock(
    answers: LastAnswers,
) -> None:
    emptied = snapshot(epoch="two", revision=0, now_ms=900_000)
    first, _ = answers.remember("price", emptied, 5).records
    assert first.lapses_at_ms == 910_000
    assert first.last_heartbeat_ms == 895_000
