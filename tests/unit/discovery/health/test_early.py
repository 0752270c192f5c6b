"""What siblings say of instances that are not in the view yet."""

from discovery.health.early import KEPT_S, MOST, MOST_VERDICTS, EarlyWords
from discovery.health.machine import Health, Thresholds, Verdict

NEW = Health()
AT_MS = 5
PASSED, FAILED = Verdict(True, "200"), Verdict(False, "refused")


def take(early: EarlyWords, now_s: float = 1.0, begun: Health = NEW) -> Health | None:
    return early.take("a/1", "x", AT_MS, begun, Thresholds(), now_s)


def test_nothing_was_said() -> None:
    assert take(EarlyWords()) is None


def test_verdicts_count_as_if_they_came_now_and_once() -> None:
    early = EarlyWords()
    for _ in range(3):
        early.verdict("a/1", "x", AT_MS, FAILED, 1.0)
    health = take(early)
    assert health is not None
    assert (health.status, health.evidence) == ("unhealthy", "refused")
    assert take(early) is None


def test_a_pass_is_not_enough_on_probation() -> None:
    early = EarlyWords()
    early.verdict("a/1", "x", AT_MS, PASSED, 1.0)
    health = take(early, begun=Health(probation=True))
    assert health is not None
    assert (health.status, health.run) == ("starting", 1)


def test_verdicts_follow_what_a_sibling_knew() -> None:
    early = EarlyWords()
    early.health("a/1", "x", Health("healthy", run=2), 1.0)
    early.verdict("a/1", "x", AT_MS, FAILED, 1.0)
    health = take(early)
    assert health is not None
    assert health.status == "unhealthy"


def test_what_is_of_another_address_or_old_does_not_count() -> None:
    early = EarlyWords()
    early.verdict("a/1", "y", AT_MS, PASSED, 1.0)
    assert take(early) is None
    early.verdict("a/1", "x", AT_MS, PASSED, 1.0)
    assert take(early, 1.1 + KEPT_S) is None
    early.verdict("a/1", "y", AT_MS, FAILED, 1.0)
    early.verdict("a/1", "x", AT_MS, PASSED, 1.0)
    health = take(early)
    assert health is not None
    assert health.status == "healthy"


def test_what_was_said_of_an_earlier_registration_does_not_count() -> None:
    early = EarlyWords()
    early.verdict("a/1", "x", AT_MS - 1, PASSED, 1.0)
    assert take(early) is None
    early.verdict("a/1", "x", AT_MS - 1, PASSED, 1.0)
    early.verdict("a/1", "x", AT_MS, FAILED, 1.0)
    health = take(early)
    assert health is not None
    assert (health.status, health.run) == ("starting", 1)


def test_it_is_bounded() -> None:
    early = EarlyWords()
    for number in range(MOST + 10):
        early.verdict(f"a/{number}", "x", AT_MS, PASSED, 1.0)
    assert early.take("a/0", "x", AT_MS, Health(), Thresholds(), 1.0) is None
    assert early.take(f"a/{MOST}", "x", AT_MS, Health(), Thresholds(), 1.0) is not None
    for _ in range(MOST_VERDICTS * 2):
        early.verdict("b/1", "x", AT_MS, FAILED, 1.0)
    health = early.take("b/1", "x", AT_MS, Health(), Thresholds(fall=MOST_VERDICTS + 1), 1.0)
    assert health is not None
    assert (health.status, health.run) == ("starting", MOST_VERDICTS)
