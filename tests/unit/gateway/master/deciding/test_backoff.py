"""Pauses before a worker is replaced."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.master.deciding.backoff import PAUSES_S, RAN_WELL_S, after_end


def test_the_first_end_has_no_pause_and_those_after_it_have_longer_and_longer_ones() -> None:
    ends, pauses = 0, []
    for _ in range(8):
        ends, pause_s = after_end(ends, ran_s=1.0)
        pauses.append(pause_s)

    assert pauses == [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0]


def test_a_worker_that_ran_well_heals_the_count() -> None:
    ends, pause_s = after_end(5, ran_s=RAN_WELL_S)
    assert pause_s == 0.0

    ends, pause_s = after_end(ends, ran_s=0.0)
    assert pause_s == PAUSES_S[1]


@given(st.lists(st.floats(0, 100)))
def test_only_ends_in_a_row_count(ran: list[float]) -> None:
    ends = 0
    for index, ran_s in enumerate(ran):
        ends, pause_s = after_end(ends, ran_s)
        in_a_row = 0
        for before in reversed(ran[: index + 1]):
            in_a_row += 1
            if before >= RAN_WELL_S:
                break
        assert ends == in_a_row
        assert pause_s == PAUSES_S[min(in_a_row - 1, len(PAUSES_S) - 1)]
