"""When a service as a whole gets a pause, and how its requests return: each line of the table, and an outage."""

import heapq
import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.hop.deciding.breaking import (
    DOUBLES_IN_S,
    FAILS,
    HELD_S,
    LEAST_ATTEMPTS,
    LEAST_PER_S,
    LEAST_RETURNED,
    MOST_OPEN_S,
    MOST_SHARE,
    PASSES,
    REPEATABLE_WITHIN_S,
    TRIAL_S,
    Circuit,
    admit,
    ended,
    said_nothing,
    share_let_in,
    trip,
)
from gateway.hop.deciding.rolling import Peak, Rolling

NOW_S = 1000.0
OPEN_S = 5.0
FAILED = "answered 500"


def window(good: int, failed: int, at_s: float = NOW_S) -> Rolling:
    made = Rolling()
    for number in range(good + failed):
        made.note(at_s, failed=number < failed)
    made.roll(NOW_S)
    return made


def opened(usual_per_s: float = 100.0) -> Circuit:
    circuit = Circuit()
    assert trip(circuit, [window(0, LEAST_ATTEMPTS)], FAILED, usual_per_s, NOW_S, OPEN_S)
    return circuit


def tried(circuit: Circuit, now_s: float, failure: str = "") -> None:
    assert admit(circuit, now_s, OPEN_S, repeatable=True) == 0
    ended(circuit, now_s, failure, now_s, OPEN_S)


def returning(now_s: float) -> Circuit:
    circuit = opened()
    for _ in range(PASSES):
        tried(circuit, now_s)
    assert circuit.state == "returning"
    return circuit


def test_a_service_that_fails_at_all_instances_gets_a_pause() -> None:
    circuit = Circuit()

    assert trip(circuit, [window(3, 9), window(2, 8)], FAILED, 100.0, NOW_S, OPEN_S)

    assert circuit.state == "open"
    assert circuit.evidence == (
        "17 of 22 requests failed within 2 s, at all 2 instances, the last: answered 500"
    )


@pytest.mark.parametrize(
    "windows",
    [
        pytest.param([window(0, LEAST_ATTEMPTS - 1)], id="few requests"),
        pytest.param([window(21, 20)], id="less than half fail"),
        pytest.param([window(0, 50), window(6, 4)], id="one instance answers"),
        pytest.param([window(0, 0)], id="none"),
    ],
)
def test_it_gets_none_for_less(windows: list[Rolling]) -> None:
    assert not trip(Circuit(), windows, FAILED, 100.0, NOW_S, OPEN_S)


def test_an_instance_that_was_not_asked_speaks_for_nobody() -> None:
    assert trip(Circuit(), [window(0, 30), window(0, 0)], FAILED, 100.0, NOW_S, OPEN_S)


def test_a_service_with_few_requests_is_judged_by_a_longer_time() -> None:
    rare = Rolling()
    for number in range(LEAST_ATTEMPTS + 1):
        rare.note(NOW_S - 8 + number * 0.4, failed=True)
    rare.roll(NOW_S)
    circuit = Circuit()

    assert trip(circuit, [rare], FAILED, 2.0, NOW_S, OPEN_S)
    assert "within 10 s, at the one that was asked" in circuit.evidence
    assert circuit.usual_per_s == LEAST_PER_S


def test_a_good_hour_before_does_not_delay_the_pause() -> None:
    busy = Rolling()
    for number in range(4000):
        busy.note(NOW_S - 9 + number / 500, failed=number > 3500)
    busy.roll(NOW_S)

    assert not trip(Circuit(), [window(4000, 1000)], FAILED, 500.0, NOW_S, OPEN_S)
    recent = Rolling()
    for number in range(5000):
        recent.note(NOW_S - 10 + number / 500, failed=number >= 4000)
    recent.roll(NOW_S)
    assert trip(Circuit(), [recent], FAILED, 500.0, NOW_S, OPEN_S)


def test_open_it_says_when_to_come_back() -> None:
    circuit = opened()

    assert admit(circuit, NOW_S, OPEN_S, repeatable=True) == 5
    assert admit(circuit, NOW_S + 4.5, OPEN_S, repeatable=True) == 1


def test_a_trial_that_says_nothing_is_followed_by_another_at_once() -> None:
    """Whoever gave up each request as soon as it was the trial kept the circuit from closing."""
    circuit, now_s = opened(), NOW_S + OPEN_S
    for _ in range(100):
        assert admit(circuit, now_s, OPEN_S, repeatable=True) == 0
        assert admit(circuit, now_s, OPEN_S, repeatable=True) == 1
        said_nothing(circuit, now_s)

    assert (circuit.state, circuit.passes, circuit.failed) == ("half_open", 0, 0)


def test_what_was_sent_before_the_trials_ends_none_of_them() -> None:
    circuit, now_s = opened(), NOW_S + OPEN_S
    assert admit(circuit, now_s, OPEN_S, repeatable=True) == 0
    said_nothing(circuit, NOW_S)

    assert admit(circuit, now_s, OPEN_S, repeatable=True) == 1


def test_half_open_it_lets_one_trial_in_at_a_time() -> None:
    circuit = opened()

    assert admit(circuit, NOW_S + OPEN_S, OPEN_S, repeatable=True) == 0
    assert admit(circuit, NOW_S + OPEN_S, OPEN_S, repeatable=True) == 1
    assert admit(circuit, NOW_S + OPEN_S + TRIAL_S, OPEN_S, repeatable=True) == 0


def test_a_request_that_cannot_be_repeated_is_a_trial_only_if_no_other_comes() -> None:
    circuit = opened()
    now_s = NOW_S + OPEN_S

    assert admit(circuit, now_s, OPEN_S, repeatable=False) == 1
    assert admit(circuit, now_s + REPEATABLE_WITHIN_S, OPEN_S, repeatable=False) == 0


def test_a_few_good_trials_let_requests_return() -> None:
    circuit = opened()
    for failure in (FAILED, "", FAILED, "", "", ""):
        tried(circuit, NOW_S + OPEN_S, failure)
        assert circuit.state == "half_open"
    tried(circuit, NOW_S + OPEN_S)

    assert circuit.state == "returning"


def test_a_few_failed_trials_open_it_for_twice_as_long_up_to_a_bound() -> None:
    circuit, now_s, open_s = opened(), NOW_S, list[float]()
    for _ in range(12):
        open_s.append(circuit.open_until_s - now_s)
        now_s = circuit.open_until_s
        for _ in range(FAILS):
            tried(circuit, now_s, FAILED)
        assert circuit.state == "open"

    assert open_s[:4] == [5.0, 10.0, 20.0, 40.0]
    assert open_s[-1] == MOST_OPEN_S


def test_what_was_sent_before_it_opened_says_nothing() -> None:
    circuit = opened()
    admit(circuit, NOW_S + OPEN_S, OPEN_S, repeatable=True)
    for _ in range(FAILS):
        ended(circuit, NOW_S - 1, "no answer within 30.0 s", NOW_S + OPEN_S, OPEN_S)

    assert circuit.state == "half_open"


def test_what_comes_right_after_it_opened_is_usual_too() -> None:
    """A gateway that starts while the service fails has hardly seen a request before."""
    circuit = opened(usual_per_s=20.0)
    for number in range(1000):
        admit(circuit, NOW_S + number / 500, OPEN_S, repeatable=True)
    admit(circuit, NOW_S + OPEN_S, OPEN_S, repeatable=True)

    assert circuit.usual_per_s == pytest.approx(500, rel=0.01)


def test_the_share_that_returns_grows() -> None:
    began_s = NOW_S + OPEN_S
    circuit = returning(began_s)

    shares = [share_let_in(circuit, began_s + 5 * number, OPEN_S) for number in range(4)]

    assert shares == pytest.approx([0.1, 0.625, MOST_SHARE, MOST_SHARE])


def test_failures_on_return_open_it_for_longer() -> None:
    now_s = NOW_S + OPEN_S
    circuit = returning(now_s)
    for number in range(LEAST_RETURNED):
        ended(circuit, now_s, FAILED if number % 2 else "", now_s, OPEN_S)

    assert circuit.state == "open"
    assert circuit.n == 2
    assert circuit.open_until_s == now_s + 2 * OPEN_S


def test_it_closes_once_nothing_is_refused_any_more() -> None:
    now_s = NOW_S + OPEN_S
    circuit = returning(now_s)
    now_s += 2 * OPEN_S
    assert admit(circuit, now_s, OPEN_S, repeatable=False) == 0

    assert circuit.state == "closed"
    assert circuit.n == 0


def test_more_is_let_in_in_the_end_where_more_has_become_usual() -> None:
    began_s = NOW_S + OPEN_S
    circuit = returning(began_s)

    later_s = began_s + 2 * OPEN_S + HELD_S
    assert share_let_in(circuit, later_s, OPEN_S) == MOST_SHARE
    assert share_let_in(circuit, later_s + DOUBLES_IN_S, OPEN_S) == 2 * MOST_SHARE


def let_in_by_second(
    *, comes_back: bool, down_s: float, lasts_s: int, per_s: int = 500
) -> Counter[int]:
    """The requests that reach a service, by second; all of its three instances are down from 20 s on.

    A client that comes back sends a refused request again after what Retry-After says.
    """
    circuit, windows, asked = Circuit(), [Rolling() for _ in range(3)], Peak()
    sent: list[tuple[float, int]] = [(number / per_s, number) for number in range(per_s * lasts_s)]
    numbers, reached = itertools.count(len(sent)), Counter[int]()
    while sent:
        now_s, number = heapq.heappop(sent)
        if now_s >= lasts_s:
            break
        if circuit.state == "closed":
            asked.count(now_s)
        wait_s = admit(circuit, now_s, OPEN_S, repeatable=number % 2 == 0)
        if wait_s:
            if comes_back:
                heapq.heappush(sent, (now_s + wait_s, next(numbers)))
            continue
        reached[int(now_s)] += 1
        failure = FAILED if 20 <= now_s < 20 + down_s else ""
        at = windows[number % 3]
        at.note(now_s, failed=bool(failure))
        if circuit.state != "closed":
            ended(circuit, now_s, failure, now_s, OPEN_S)
        elif failure:
            for one in windows:
                one.roll(now_s)
            trip(circuit, windows, failure, asked.per_s(now_s), now_s, OPEN_S)
    return reached


@pytest.mark.parametrize(
    ("comes_back", "lasts_s", "per_s"),
    [
        pytest.param(False, 90, 500, id="clients give up"),
        pytest.param(True, 400, 100, id="clients return"),
    ],
)
def test_after_an_outage_the_load_is_never_above_the_usual(
    comes_back: bool, lasts_s: int, per_s: int
) -> None:
    reached = let_in_by_second(comes_back=comes_back, down_s=30.0, lasts_s=lasts_s, per_s=per_s)

    assert max(reached.values()) <= 1.2 * per_s
    assert sum(reached[second] for second in range(25, 50)) < 100
    assert reached[lasts_s - 1] == per_s


@given(st.floats(1, 60), st.booleans())
@settings(max_examples=30)
def test_however_long_an_outage_is_it_ends(down_s: float, comes_back: bool) -> None:
    reached = let_in_by_second(comes_back=comes_back, down_s=down_s, lasts_s=150, per_s=20)

    assert max(reached.values()) <= 1.2 * 20 + 1
    assert reached[149] >= 20
