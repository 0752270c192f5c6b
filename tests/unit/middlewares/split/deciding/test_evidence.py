"""What requests say of the canary and of the stable side."""

import random

import pytest

from middlewares.split.deciding.evidence import (
    Evidence,
    Margins,
    is_within,
    judge,
    sides,
    summed,
)

MARGINS = Margins()


def counts(  # type: ignore[no-untyped-def]
    *,
    canary: int,
    stable: int,
    canary_fails: float = 0.0,
    stable_fails: float = 0.0,
    times: float = 1.0,
    slow_part: float = 1.0,
    seed: int = 1,
):
    """Counts of so many requests; a part of the canary's takes so many times as long as those of the stable side."""
    rng, evidence = random.Random(seed), Evidence()
    for is_canary, number, fails in ((True, canary, canary_fails), (False, stable, stable_fails)):
        for _ in range(number):
            took_s = rng.lognormvariate(-3.0, 0.5)
            if is_canary and rng.random() < slow_part:
                took_s *= times
            evidence.add(is_canary=is_canary, failed=rng.random() < fails, took_s=took_s)
    return evidence.taken()


def test_a_healthy_canary_is_no_breach() -> None:
    judgement = judge(counts(canary=300, stable=5700), MARGINS)
    assert judgement.breach is None
    assert is_within(judgement, MARGINS)


def test_a_canary_that_fails_more_often_is_one() -> None:
    judgement = judge(counts(canary=300, stable=5700, canary_fails=0.15), MARGINS)
    assert judgement.breach is not None
    assert judgement.breach.what == "errors"
    assert judgement.breach.tested.p < judgement.breach.alpha
    assert not is_within(judgement, MARGINS)


def test_failures_that_both_sides_have_are_none() -> None:
    judgement = judge(counts(canary=300, stable=5700, canary_fails=0.3, stable_fails=0.3), MARGINS)
    assert judgement.breach is None


@pytest.mark.parametrize(("times", "slow_part"), [(2.5, 1.0), (8.0, 0.4)])
def test_a_canary_that_is_slower_is_one_in_the_middle_or_at_the_slow_end(
    times: float, slow_part: float
) -> None:
    judgement = judge(counts(canary=300, stable=5700, times=times, slow_part=slow_part), MARGINS)
    assert judgement.breach is not None
    assert judgement.breach.what == "latency"


def test_a_canary_that_is_as_slow_as_it_may_be_is_none() -> None:
    for seed in range(20):
        judgement = judge(counts(canary=300, stable=5700, times=1.4, seed=seed), MARGINS)
        assert judgement.breach is None


def test_what_fails_has_no_latency() -> None:
    evidence = Evidence()
    evidence.add(is_canary=True, failed=True, took_s=30.0)
    assert evidence.taken() == {"c": 1, "cf": 1}


def test_every_second_answer_of_the_stable_side_is_the_reference() -> None:
    evidence = Evidence()
    for _ in range(10):
        evidence.add(is_canary=False, failed=False, took_s=0.0)
    assert evidence.taken() == {"s": 10, "lr0": 5, "ls0": 5}
    assert evidence.taken() == {}


@pytest.mark.parametrize(("canary", "stable"), [(19, 1000), (1000, 19)])
def test_with_too_few_requests_nothing_is_said(canary: int, stable: int) -> None:
    made = counts(canary=canary, stable=stable, canary_fails=1.0)
    assert judge(made, MARGINS).breach is None
    assert judge(made, Margins(requests=19)).breach is not None


def test_what_has_no_margin_does_not_matter() -> None:
    failing = counts(canary=300, stable=5700, canary_fails=1.0)
    assert judge(failing, Margins(errors=None)).breach is None
    slow = counts(canary=300, stable=5700, times=10)
    assert judge(slow, Margins(latency=None)).breach is None
    assert is_within(judge(slow, Margins(latency=None)), Margins(latency=None))


def test_counts_add_up_over_workers_and_what_is_no_count_of_ours_says_nothing() -> None:
    one = counts(canary=10, stable=20)
    both = summed([one, one, {"lc": 7, "lcx": 1, "new": 3}])
    assert [side.all for side in sides(both)] == [20, 40]
    assert judge(both, MARGINS).canary.all == 20


def test_the_evidence_reads_as_numbers() -> None:
    said = judge(counts(canary=300, stable=5700, canary_fails=0.5), MARGINS).describe()
    assert said["canary"] == {"requests": 300, "failed": said["canary"]["failed"]}  # type: ignore[index]
    assert said["breach"] == "errors"
    assert 0 < said["p"] < said["alpha"] < 1e-5  # type: ignore[operator]
    assert set(said) == {
        *("canary", "stable", "error_rates", "latency_p50_ms", "latency_p90_ms"),
        *("breach", "statistic", "p", "alpha"),
    }
