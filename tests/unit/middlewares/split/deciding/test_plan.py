"""What becomes of a split by its evidence."""

from dataclasses import replace

from middlewares.split.deciding.evidence import Evidence, Margins, judge, summed
from middlewares.split.deciding.plan import (
    Gathered,
    Plan,
    State,
    decide,
    next_step,
    waits_for,
    window,
)

USUAL = (5.0, 95.0)
PLAN = Plan(0, Margins(over_s=60.0), steps=(1.0, 5.0, 25.0, 100.0), over_s=600.0, requests=100)
PERIOD = PLAN.period_ms
NOW = 1_000_000 * PERIOD + 17
RUNNING = State(USUAL, revision=3, since_ms=NOW - 601_000)


def gathered(
    canary: int = 50, stable: int = 950, failed: int = 0, *, periods: int = 12
) -> Gathered:
    """So many requests in each of the last periods."""
    made = {}
    for back in range(periods):
        evidence = Evidence()
        for number in range(canary):
            evidence.add(is_canary=True, failed=number < failed, took_s=0.01)
        for _ in range(stable):
            evidence.add(is_canary=False, failed=False, took_s=0.01)
        made[NOW // PERIOD - 1 - back] = evidence.taken()
    return Gathered(made, summed(made.values()))


def test_a_step_follows_when_its_time_is_over_without_a_breach() -> None:
    change = decide(RUNNING, gathered(), PLAN, USUAL, NOW)
    assert change is not None
    assert change.event == "split.promoted"
    assert change.state.weights == (25.0, 75.0)
    assert (change.state.status, change.state.by) == ("running", "step")
    assert change.state.evidence is not None
    assert (change.state.evidence["from"], change.state.evidence["to"]) == (5.0, 25.0)


def test_no_step_follows_before_or_without_requests_or_while_it_does_worse() -> None:
    def why(state: State, evidence: Gathered) -> str:
        judgement = judge(window(evidence, NOW, PLAN), PLAN.margins or Margins())
        return waits_for(state, evidence, PLAN, judgement, NOW)

    early = replace(RUNNING, since_ms=NOW - 599_500)
    assert decide(early, gathered(), PLAN, USUAL, NOW) is None
    assert why(early, gathered()) == "1 s of 600 s are left of this step"
    few = gathered(canary=4)
    assert decide(RUNNING, few, PLAN, USUAL, NOW) is None
    assert why(RUNNING, few) == "the canary has answered 48 of 100 requests"
    worse = gathered(canary=10, failed=1)
    assert decide(RUNNING, worse, PLAN, USUAL, NOW) is None
    assert why(RUNNING, worse) == "the canary is worse than it may be, though that may be chance"
    assert why(RUNNING, gathered()) == ""


def test_a_breach_takes_everything_from_the_canary() -> None:
    change = decide(RUNNING, gathered(failed=25), PLAN, USUAL, NOW)
    assert change is not None
    assert change.event == "split.rolled_back"
    assert change.state.weights == (0.0, 100.0)
    assert (change.state.status, change.state.by) == ("rolled_back", "breach")
    assert change.state.evidence is not None
    assert change.state.evidence["breach"] == "errors"


def test_or_stops_the_steps_where_that_is_asked() -> None:
    change = decide(RUNNING, gathered(failed=25), replace(PLAN, on_breach="freeze"), USUAL, NOW)
    assert change is not None
    assert change.event == "split.frozen"
    assert change.state.weights == USUAL
    assert decide(change.state, gathered(), PLAN, USUAL, NOW) is None
    assert next_step(change.state, PLAN) is None


def test_only_what_lies_within_the_window_counts_and_not_the_period_under_way() -> None:
    bad = gathered(failed=50, periods=1).periods
    (counts,) = bad.values()
    now = NOW // PERIOD
    for period, is_breach in ((now, False), (now - 1, True), (now - 12, True), (now - 13, False)):
        change = decide(RUNNING, Gathered({period: counts}, {}), PLAN, USUAL, NOW)
        assert (change is not None) == is_breach


def test_a_canary_of_nothing_or_everything_takes_no_step() -> None:
    assert next_step(replace(RUNNING, weights=(0.0, 100.0)), PLAN) is None
    assert next_step(replace(RUNNING, weights=(100.0, 0.0)), PLAN) is None
    assert next_step(replace(RUNNING, weights=(1.0, 1.0)), PLAN) == 100.0


def test_a_split_without_margins_and_steps_stays_as_it_is() -> None:
    assert decide(RUNNING, gathered(failed=50), Plan(0), USUAL, NOW) is None


def test_without_margins_nothing_is_a_breach_and_steps_go_on() -> None:
    plan = replace(PLAN, margins=None)
    change = decide(RUNNING, gathered(failed=50), plan, USUAL, NOW)
    assert change is not None
    assert change.event == "split.promoted"
