"""Which fresh evidence makes requests prefer other instances, and for how long."""

from gateway.hop.deciding.doubting import (
    CLEAN_RUN,
    DOUBTED_AT_MOST_S,
    DOUBTED_S,
    FIRST_PAUSE_S,
    MOST_PAUSE_S,
    doubt,
    enough,
    is_late,
    risk,
)
from gateway.hop.deciding.ejecting import REPEATABLE_WITHIN_S, Ending, Standing, step
from middlewares.routing.policy import Outliers

NOW_S = 1000.0
LATE_AFTER_S = 0.15


def ended(standing: Standing, now_s: float, failure: str = "", took_s: float = 0.01) -> None:
    step(
        standing, Ending(now_s, failure, took_s), Outliers(), LATE_AFTER_S, room=False, now_s=now_s
    )


def doubted(standing: Standing, now_s: float, *, repeatable: bool = False) -> bool:
    return doubt(standing, now_s, LATE_AFTER_S, repeatable=repeatable) != ""


def waits(since_s: float) -> Standing:
    return Standing(waiting=1, waiting_since_s=since_s)


def test_nothing_speaks_against_a_new_instance() -> None:
    assert not doubted(Standing(), NOW_S)


def test_one_failure_keeps_requests_away_that_cannot_be_repeated() -> None:
    standing = Standing()
    ended(standing, NOW_S, "answered 500")

    assert doubt(standing, NOW_S + 0.3, LATE_AFTER_S, repeatable=False) == (
        "a request failed 0.3 s ago: answered 500"
    )
    assert not doubted(standing, NOW_S + 0.3, repeatable=True)


def test_good_answers_end_it_if_there_are_many_in_a_row() -> None:
    standing = Standing()
    ended(standing, NOW_S, "answered 500")
    for _ in range(CLEAN_RUN - 1):
        ended(standing, NOW_S + DOUBTED_S)
    assert doubted(standing, NOW_S + DOUBTED_S)

    ended(standing, NOW_S + DOUBTED_S)

    assert not doubted(standing, NOW_S + DOUBTED_S)


def test_many_good_answers_at_once_do_not_end_it() -> None:
    standing = Standing()
    ended(standing, NOW_S, "answered 500")
    for _ in range(10 * CLEAN_RUN):
        ended(standing, NOW_S + 0.1)

    assert doubted(standing, NOW_S + DOUBTED_S - 0.1)


def test_a_failure_is_forgotten_after_a_while_without_requests() -> None:
    standing = Standing()
    ended(standing, NOW_S, "answered 500")

    assert doubted(standing, NOW_S + DOUBTED_AT_MOST_S - 0.1)
    assert not doubted(standing, NOW_S + DOUBTED_AT_MOST_S)


def test_a_kept_connection_that_ended_keeps_them_away_for_a_moment() -> None:
    standing = Standing(ended_s=NOW_S)

    assert doubt(standing, NOW_S + 0.3, LATE_AFTER_S, repeatable=False) == (
        "a connection ended 0.3 s ago"
    )
    assert not doubted(standing, NOW_S + 0.3, repeatable=True)
    assert not doubted(standing, NOW_S + DOUBTED_S)


def test_one_request_that_waits_for_long_keeps_all_others_away() -> None:
    standing = waits(NOW_S)

    assert not doubted(standing, NOW_S + LATE_AFTER_S, repeatable=True)
    assert doubt(standing, NOW_S + 0.16, LATE_AFTER_S, repeatable=True) == (
        "no timely answer for 0.16 s"
    )


def test_an_upload_waits_for_its_client_perhaps() -> None:
    standing = waits(NOW_S)
    standing.uploads = 1

    assert not is_late(standing, NOW_S + 10, LATE_AFTER_S)


def test_nobody_is_late_if_nothing_is_known_of_the_siblings() -> None:
    assert not is_late(waits(NOW_S), NOW_S + 10, None)


def test_a_request_that_can_be_repeated_is_risked_after_pauses_that_grow_to_a_bound() -> None:
    standing, now_s, pauses_s = waits(NOW_S), NOW_S, list[float]()
    for _ in range(10):
        began_s = now_s
        while now_s - began_s < LATE_AFTER_S or doubted(standing, now_s, repeatable=True):
            now_s += 0.01
        pauses_s.append(round(now_s - began_s, 1))
        risk(standing, now_s)

    assert pauses_s[:4] == [FIRST_PAUSE_S, 0.4, 0.8, 1.6]
    assert pauses_s[-1] == MOST_PAUSE_S


def test_one_that_cannot_be_repeated_waits_until_no_other_has_come_for_long() -> None:
    standing = waits(NOW_S)

    assert doubted(standing, NOW_S + FIRST_PAUSE_S)
    assert not doubted(standing, NOW_S + FIRST_PAUSE_S + REPEATABLE_WITHIN_S)


def test_a_late_answer_is_held_against_it_until_a_timely_one() -> None:
    standing = Standing()
    ended(standing, NOW_S, took_s=2.0)
    assert doubted(standing, NOW_S + 0.1, repeatable=True)

    ended(standing, NOW_S + 0.1)

    assert not doubted(standing, NOW_S + 0.1, repeatable=True)


def test_nobody_is_avoided_if_too_few_are_left() -> None:
    assert enough(2, 3, 0.5)
    assert not enough(1, 3, 0.5)
    assert enough(1, 2, 0.5)
    assert not enough(0, 2, 1.0)
