"""When an instance is ejected, and how it comes back: each line of the table, and what always holds."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.ejecting import (
    LEAST_ANSWERS,
    LEAST_ATTEMPTS,
    MOST_S,
    PASSES,
    REPEATABLE_WITHIN_S,
    UNANSWERED_S,
    Change,
    Ending,
    Standing,
    broke_off,
    late_after,
    may_try,
    room,
    step,
)
from middlewares.routing.policy import Outliers

RULES = Outliers()
BY_RUN = Outliers(failures=5, rate=0.0, latency=0.0)
BY_RATE = Outliers(failures=0, rate=0.5, latency=0.0)
BY_LATENCY = Outliers(failures=0, rate=0.0, latency=5.0)
LATE_AFTER_S = 0.15


@dataclass
class Instance:
    """One instance, whose attempts follow each other by 0.1 s."""

    rules: Outliers = RULES
    standing: Standing = field(default_factory=Standing)
    now_s: float = 1000.0

    def ends(
        self, failure: str = "", took_s: float = 0.01, *, has_room: bool = True
    ) -> Change | None:
        self.now_s += 0.1
        ending = Ending(self.now_s, failure, took_s)
        return step(
            self.standing, ending, self.rules, LATE_AFTER_S, room=has_room, now_s=self.now_s
        )

    def fails(self, times: int = 1, *, has_room: bool = True) -> Change | None:
        change = None
        for _ in range(times):
            change = self.ends("answered 500", has_room=has_room)
        return change

    def breaks_off(self) -> Change | None:
        """The body of the last answer breaks off."""
        return broke_off(
            self.standing,
            self.now_s,
            "the body broke off",
            self.rules,
            room=True,
            now_s=self.now_s,
        )

    def is_ejected(self) -> Change:
        change = self.fails(self.rules.failures)
        assert change is not None
        return change

    def is_tried(self, failure: str = "", took_s: float = 0.01) -> Change | None:
        self.now_s = max(self.now_s, self.standing.out_until_s)
        assert may_try(self.standing, self.now_s, repeatable=True)
        return self.ends(failure, took_s)

    def comes_back(self) -> None:
        for _ in range(PASSES - 1):
            assert self.is_tried() is None
        change = self.is_tried()
        assert change is not None
        assert change.n == 0


def test_failures_in_a_row_eject() -> None:
    instance = Instance(BY_RUN)

    assert instance.fails(4) is None
    change = instance.fails()

    assert change == Change(1, "5 requests in a row failed, the last: answered 500", 5.0)
    assert instance.standing.is_out


@given(st.lists(st.booleans(), max_size=60))
def test_in_a_row_means_reset_by_the_opposite(good: list[bool]) -> None:
    instance, run = Instance(BY_RUN), 0
    for is_good in good:
        change = instance.ends() if is_good else instance.fails()
        run = 0 if is_good else run + 1
        assert (change is not None) == (run == 5)
        if change is not None:
            return


def test_a_rate_of_failures_ejects_from_a_least_number_of_attempts() -> None:
    instance = Instance(BY_RATE)
    for _ in range(LEAST_ATTEMPTS // 2 - 1):
        assert instance.fails() is None
        assert instance.ends() is None
    assert instance.ends() is None

    change = instance.fails()

    assert change is not None
    assert change.evidence == "10 of 20 requests failed within 10 s, the last: answered 500"


def test_a_typical_answer_that_is_late_ejects_from_a_least_number_of_answers() -> None:
    instance = Instance(BY_LATENCY)
    for _ in range(LEAST_ANSWERS - 1):
        assert instance.ends(took_s=2.0) is None

    change = instance.ends(took_s=2.0)

    assert change is not None
    assert change.evidence == "it answers after 2.00 s, typically; its siblings are quicker"


def test_some_late_answers_among_quick_ones_do_not_eject() -> None:
    instance = Instance(BY_LATENCY)
    for number in range(30):
        assert instance.ends(took_s=2.0 if number % 5 == 0 else 0.005) is None


@pytest.mark.parametrize(
    ("siblings", "late_after_s"),
    [
        ((0.001, 100), 0.101),
        ((0.1, 100), 0.5),
        ((0.1, LEAST_ANSWERS - 1), None),
    ],
)
def test_an_answer_is_late_by_a_factor_and_by_a_least_difference(
    siblings: tuple[float, int], late_after_s: float | None
) -> None:
    assert late_after(siblings, 5.0, 0.1) == late_after_s


def test_a_factor_of_zero_makes_no_answer_late() -> None:
    assert late_after((0.1, 100), 0.0, 0.1) is None


def test_each_rule_can_be_switched_off() -> None:
    instance = Instance(Outliers(failures=0, rate=0.0, latency=0.0))

    assert instance.fails(100) is None


def test_without_room_it_stays_in() -> None:
    instance = Instance()
    assert instance.fails(50, has_room=False) is None

    assert instance.fails() is not None


def test_it_is_out_for_longer_each_time_up_to_a_bound() -> None:
    instance = Instance()
    change = instance.is_ejected()
    out_s = [change.out_s]
    for _ in range(99):
        again = instance.is_tried("answered 500")
        assert again is not None
        out_s.append(again.out_s)

    assert out_s[:4] == [5.0, 10.0, 15.0, 20.0]
    assert out_s == sorted(out_s)
    assert out_s[-1] == MOST_S


def test_nothing_but_trials_brings_it_back() -> None:
    """What else is answered well meanwhile was sent before, or where nobody else was there."""
    instance = Instance()
    instance.is_ejected()
    for _ in range(20):
        assert instance.ends() is None

    assert instance.standing.is_out
    instance.comes_back()
    assert not instance.standing.is_out


def test_a_trial_that_fails_or_is_late_begins_the_passes_anew() -> None:
    instance = Instance()
    instance.is_ejected()
    assert instance.is_tried() is None

    failed = instance.is_tried("the connection was reset")
    late = instance.is_tried(took_s=2.0)

    assert failed == Change(2, "a trial failed: the connection was reset", 10.0)
    assert late == Change(3, "a trial failed: answered after 2.00 s", 15.0)
    instance.comes_back()


def test_no_trial_before_its_time_nor_beside_another() -> None:
    instance = Instance()
    instance.is_ejected()
    standing, until_s = instance.standing, instance.standing.out_until_s

    assert not may_try(standing, until_s - 0.01, repeatable=True)
    assert may_try(standing, until_s, repeatable=True)
    standing.waiting = 1
    assert not may_try(standing, until_s + 1, repeatable=True)


def test_a_request_that_stays_without_an_answer_does_not_keep_it_out_for_ever() -> None:
    """As a client's slow upload from before the ejection did."""
    instance = Instance()
    instance.is_ejected()
    standing, until_s = instance.standing, instance.standing.out_until_s
    standing.waiting = standing.uploads = 1

    assert not may_try(standing, until_s + UNANSWERED_S - 0.01, repeatable=True)
    assert may_try(standing, until_s + UNANSWERED_S, repeatable=True)
    assert not may_try(standing, until_s + UNANSWERED_S + 1, repeatable=True)


def test_a_request_that_cannot_be_repeated_is_a_trial_only_if_no_other_comes() -> None:
    instance = Instance()
    instance.is_ejected()
    standing, until_s = instance.standing, instance.standing.out_until_s

    assert not may_try(standing, until_s + 1, repeatable=False)
    assert may_try(standing, until_s + 2, repeatable=True)
    assert not may_try(standing, until_s + REPEATABLE_WITHIN_S + 1, repeatable=False)
    assert may_try(standing, until_s + 2 + REPEATABLE_WITHIN_S, repeatable=False)


def test_one_that_is_in_is_not_tried() -> None:
    assert not may_try(Standing(), 1000.0, repeatable=True)


def test_what_was_sent_before_an_ejection_says_nothing_after_it() -> None:
    instance = Instance()
    began_s = instance.now_s
    instance.is_ejected()
    now_s = instance.standing.out_until_s + 1

    late = Ending(began_s, "no answer within 30.0 s", 30.0)
    assert step(instance.standing, late, RULES, None, room=True, now_s=now_s) is None
    assert instance.standing.n == 1


def test_ejections_are_in_a_row_until_it_has_been_in_for_as_long_as_it_was_out() -> None:
    instance = Instance()
    instance.is_ejected()
    instance.is_tried("answered 500")
    instance.comes_back()
    assert instance.is_ejected().n == 3

    instance.comes_back()
    instance.now_s += 15.0
    assert instance.is_ejected().n == 1


def test_answers_whose_bodies_break_off_count_for_the_rate() -> None:
    instance = Instance(BY_RATE)
    changes = []
    for _ in range(LEAST_ATTEMPTS):
        instance.ends()
        changes.append(instance.breaks_off())

    assert changes[:-1] == [None] * (LEAST_ATTEMPTS - 1)
    assert changes[-1] is not None
    assert changes[-1].evidence.endswith("within 10 s, the last: the body broke off")


def test_a_trial_whose_body_breaks_off_fails() -> None:
    instance = Instance()
    instance.is_ejected()
    instance.is_tried()

    change = instance.breaks_off()

    assert change == Change(2, "a trial failed: the body broke off", 10.0)


@pytest.mark.parametrize(
    ("instances", "out", "most", "has_room"),
    [
        (1, 0, 1.0, False),
        (2, 0, 0.1, True),
        (2, 1, 1.0, False),
        (3, 0, 0.5, True),
        (3, 1, 0.5, False),
        (4, 1, 0.5, True),
        (4, 2, 0.5, False),
        (4, 2, 1.0, True),
        (4, 3, 1.0, False),
    ],
)
def test_some_may_be_out_and_never_all(
    instances: int, out: int, most: float, has_room: bool
) -> None:
    assert room(instances, out, most) is has_room


@given(st.integers(1, 50), st.floats(0, 1))
def test_no_more_than_the_share_are_ever_out(instances: int, most: float) -> None:
    out = 0
    while room(instances, out, most):
        out += 1

    assert out < instances
    assert out <= max(1, most * instances)
    assert out >= 1 or instances == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "answered 500"]), st.floats(0, 3), st.floats(0, 400)),
        max_size=80,
    )
)
def test_whatever_happens_pauses_are_bounded_and_trials_alone_bring_it_back(
    steps: list[tuple[str, float, float]],
) -> None:
    standing, now_s, trials = Standing(), 1000.0, 0
    for failure, took_s, pause_s in steps:
        now_s += pause_s
        was_out, was_n = standing.is_out, standing.n
        tried = may_try(standing, now_s, repeatable=True)
        began_s, now_s = now_s, now_s + took_s
        ending = Ending(began_s, failure, took_s)
        change = step(standing, ending, RULES, LATE_AFTER_S, room=True, now_s=now_s)
        if change is None:
            trials += tried
            continue
        if change.n:
            assert change.out_s == min(RULES.eject_s * change.n, MOST_S)
            assert change.n == was_n + 1 or not was_out
        else:
            assert was_out
            assert trials + tried >= PASSES
        trials = 0
