"""When an instance is suspected to hang, from the times of its own and its siblings' requests."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.suspecting import SILENT_FOR_S, is_suspect, silent_since

times_s = st.floats(0, 1000)


def test_the_oldest_unanswered_request_counts() -> None:
    assert silent_since([5.0, 3.0, 4.0], answered_s=2.0) == 3.0


def test_an_instance_that_owes_nothing_is_not_silent() -> None:
    assert silent_since([], answered_s=0.0) is None
    assert not is_suspect(None, [9.0], now_s=10.0)


def test_a_request_that_an_answered_one_has_overtaken_says_nothing() -> None:
    """For example a long poll next to quick requests."""
    assert silent_since([3.0, 7.0], answered_s=5.0) == 7.0
    assert silent_since([3.0], answered_s=5.0) is None


def test_silence_counts_only_while_a_sibling_answers_what_was_sent_later() -> None:
    now_s = 10.0 + SILENT_FOR_S
    assert is_suspect(10.0, [9.0, 10.1], now_s)
    assert not is_suspect(10.0, [9.0, 9.9], now_s)
    assert not is_suspect(10.0, [], now_s)


def test_a_short_silence_is_none() -> None:
    assert not is_suspect(10.0, [10.1], now_s=10.0 + SILENT_FOR_S - 0.01)


@given(st.lists(times_s), times_s)
def test_what_was_answered_for_never_raises_a_suspicion_again(
    waiting_s: list[float], answered_s: float
) -> None:
    since_s = silent_since(waiting_s, answered_s)
    assert since_s is None or since_s > answered_s
