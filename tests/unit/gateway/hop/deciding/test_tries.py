"""A request's tries, over any sequence of outcomes."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from discovery.model.instance import Instance, parse_registration
from gateway.hop.deciding.pausing import MOST_ASKED_S
from gateway.hop.deciding.retry_budget import LEAST_A_SECOND, RetryBudget
from gateway.hop.deciding.retrying import EXHAUSTED, NONE_LEFT, TOO_LATE, Again, Stop, Tried
from gateway.hop.deciding.tries import Now, Tries
from middlewares.candidates.deciding import Candidate, Candidates
from middlewares.failures import (
    Failure,
    NoHealthyInstance,
    UpstreamInvalid,
    UpstreamReset,
    UpstreamSilent,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from middlewares.routing.policy import NEVER, Retries

REFUSED = UpstreamUnreachable("", cause=ConnectionRefusedError())
RESET = UpstreamReset("")
UNTOUCHED = UpstreamReset("", untouched=True)
OUTCOMES: Sequence[Failure | int] = (
    *(REFUSED, RESET, UNTOUCHED, UpstreamTimeout(""), UpstreamInvalid(""), 502, 503),
)
#: After these no application can have acted on the request.
UNSEEN = (REFUSED, UNTOUCHED)


def instance(number: int) -> Instance:
    return parse_registration("orders", f"i{number}", {"host": "127.0.0.1", "port": 9000 + number})


def candidates(count: int) -> Candidates:
    return Candidates(Candidate(instance(number), "registered") for number in range(count))


class Plan(NamedTuple):
    """A policy, and a request to a service with so many instances."""

    retries: Retries
    count: int
    idempotent: bool
    replayable: bool
    left_s: float


plans = st.builds(
    Plan,
    retries=st.builds(
        Retries,
        attempts=st.integers(1, 6),
        on=st.frozensets(st.sampled_from(["connect", "reset", "timeout", 502, 503])),
        budget=st.sampled_from([None, 0.0, 0.2, 1.0]),
    ),
    count=st.integers(1, 4),
    idempotent=st.booleans(),
    replayable=st.booleans(),
    left_s=st.one_of(st.just(NEVER), st.floats(0, 2)),
)


#: An outcome, and the pause that its Retry-After asks for.
ends = st.tuples(st.sampled_from(OUTCOMES), st.sampled_from([0.0, 0.3, 20.0]))


@given(plans, st.lists(ends, min_size=1), st.randoms())
def test_no_sequence_of_outcomes_breaks_the_plan(
    plan: Plan, outcomes: Sequence[tuple[Failure | int, float]], rng: random.Random
) -> None:
    retries, now_s = plan.retries, 1000.0
    ends_s = now_s + plan.left_s
    tries, budget = Tries(candidates(plan.count), retries), RetryBudget()
    budget.count(now_s)
    used: list[Candidate] = []
    for outcome, asked_s in outcomes:
        candidate = rng.choice(tries.untried)
        untried = [one for one in candidates(plan.count) if one not in used]
        assert candidate not in used or not untried
        assert plan.count == 1 or not used or candidate != used[-1]
        used.append(candidate)
        before = len(used)
        decided = tries.after(
            candidate,
            outcome,
            Tried(plan.idempotent, plan.replayable, reused=False, left=tries.left),
            budget,
            Now(now_s, ends_s - now_s, asked_s),
            rng,
        )
        if isinstance(decided, Stop):
            break
        # Nothing that may have been acted on is repeated, unless that is the same as once.
        assert outcome in UNSEEN or (plan.idempotent and plan.replayable)
        assert outcome == REFUSED or plan.replayable
        assert before < (retries.attempts if retries.budget is not None else plan.count)
        if retries.budget is None:
            assert decided.pause_s == 0.0
        else:
            assert decided.pause_s >= asked_s
            assert now_s + decided.pause_s < ends_s or plan.left_s == NEVER
            assert plan.left_s != NEVER or decided.pause_s < MOST_ASKED_S
        now_s += decided.pause_s
    if retries.budget is not None:
        assert len(used) - 1 <= max(1 * retries.budget, LEAST_A_SECOND * (1 + now_s - 999.0))


IDEMPOTENT = Tried(idempotent=True, replayable=True, reused=False, left=1)
PLAN = Retries(3, frozenset(["connect", "reset", "timeout", 503]), budget=0.2)


NOW = Now(1000.0)


def after(tries: Tries, outcome: Failure | int, now: Now = NOW) -> Again | Stop:
    tried = Tried(idempotent=True, replayable=True, reused=False, left=tries.left)
    return tries.after(tries.untried[0], outcome, tried, RetryBudget(), now, random.Random(1))


def test_the_attempts_of_a_plan_count_the_first_one() -> None:
    tries = Tries(candidates(5), PLAN)
    decided = [after(tries, 503) for _ in range(3)]
    assert [isinstance(one, Again) for one in decided] == [True, True, False]
    assert decided[-1] is NONE_LEFT


def test_without_a_plan_each_candidate_is_tried_once() -> None:
    tries = Tries(candidates(3), Retries())
    decided = [after(tries, REFUSED) for _ in range(3)]
    assert decided[-1] is NONE_LEFT
    assert isinstance(tries.last_word("orders"), NoHealthyInstance)


def test_one_instance_alone_is_tried_again_after_a_pause() -> None:
    tries = Tries(candidates(1), PLAN)
    decided = after(tries, 503)
    assert isinstance(decided, Again)
    assert decided.pause_s > 0
    assert [one.instance.id for one in tries.untried] == ["i0"]
    assert tries.others == 0  # there is nowhere to move to


def test_nothing_is_tried_after_the_deadline_of_a_request_that_timed_out_by_it() -> None:
    assert after(Tries(candidates(2), PLAN), UpstreamTimeout(""), Now(1000.0, 0.0)) is TOO_LATE


def test_a_budget_that_is_used_up_is_the_reason() -> None:
    tries, budget = Tries(candidates(9), PLAN), RetryBudget()
    for _ in range(LEAST_A_SECOND):
        assert budget.take(0.0, 1000.0)
    decided = tries.after(tries.untried[0], 503, IDEMPOTENT, budget, Now(1000.0), random.Random(1))
    assert decided is EXHAUSTED


def test_a_request_moves_from_a_hanging_instance_whatever_the_plan_names() -> None:
    tries = Tries(candidates(2), Retries(2, frozenset([503]), budget=0.2))
    assert isinstance(after(tries, UpstreamSilent("")), Again)


def test_after_an_answer_it_is_not_said_that_nobody_is_there() -> None:
    tries = Tries(candidates(2), PLAN)
    after(tries, 503)
    after(tries, REFUSED)
    assert tries.last_word("orders") is REFUSED
