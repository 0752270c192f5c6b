"""Which idle connections are safe for a request that can't be sent again."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.idling import Idling

HOUR_S = 3600.0


def test_nothing_is_kept_from_an_instance_that_closes_nothing() -> None:
    assert Idling().is_safe(HOUR_S, 0.0)


def test_half_the_time_after_which_it_closes_is_safe() -> None:
    idling = Idling()
    idling.closed(2.0, 100.0)

    assert idling.is_safe(0.99, 100.0)
    assert not idling.is_safe(1.0, 100.0)


def test_the_shortest_time_counts() -> None:
    idling = Idling()
    for idle_s in (3.0, 1.0, 2.0):
        idling.closed(idle_s, 100.0)

    assert not idling.is_safe(0.5, 100.0)


def test_a_time_that_came_of_a_restart_is_forgotten_by_and_by() -> None:
    idling = Idling()
    idling.closed(0.0, 100.0)

    assert not idling.is_safe(0.0, 100.0)
    assert idling.is_safe(0.04, 110.0)
    assert not idling.is_safe(0.06, 110.0)


@given(st.lists(st.floats(0.0, 10.0), min_size=1))
def test_what_was_seen_to_be_closed_is_never_safe_at_once(closed_after_s: list[float]) -> None:
    idling = Idling()
    for idle_s in closed_after_s:
        idling.closed(idle_s, 100.0)

    assert not any(idling.is_safe(idle_s, 100.0) for idle_s in closed_after_s)
