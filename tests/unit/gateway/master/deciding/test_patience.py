"""When a worker has had time enough."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from gateway.master.deciding.patience import (
    ENDS_SILENTLY_FOR_S,
    HANGS_AFTER_S,
    MOST_BETWEEN_LOOKS_S,
    Seen,
    Waited,
    why_to_end,
)


def waited(looks: Iterable[float], *, stopping: bool = False) -> Waited:
    """What has come together over looks with these gaps."""
    one = Waited()
    for since_look_s in looks:
        one.looked(since_look_s, stopping=stopping)
    return one


def seen(phase: str, waited: Waited, waits_for: str = "") -> Seen:
    return Seen(phase, waited, 15.0, 310.0, waits_for)


def test_a_loop_that_says_nothing_for_10_s_hangs() -> None:
    assert why_to_end(seen("serving", waited([1.0] * 9))) == ""
    assert why_to_end(seen("serving", waited([1.0] * 10))) == "its event loop has hung for 10 s"


def test_a_worker_that_gets_ready_has_its_own_limit() -> None:
    assert why_to_end(seen("awaited", waited([1.0] * 14))) == ""
    assert why_to_end(seen("awaited", waited([1.0] * 15))) == (
        "not ready within 15 s: it has said nothing"
    )


def test_the_reason_is_what_it_waits_for() -> None:
    late = waited([1.0] * 15)
    assert why_to_end(seen("awaited", late, "no view of the registry")) == (
        "not ready within 15 s: no view of the registry"
    )
    late.silent_s = 0.0
    assert why_to_end(seen("awaited", late)).endswith("it gave no reason")


def test_a_worker_that_stops_has_time_for_its_tunnels() -> None:
    one = waited([1.0] * 300, stopping=True)
    one.silent_s = 0.5
    assert why_to_end(seen("stopping", one)) == ""
    for _ in range(10):
        one.looked(1.0, stopping=True)
    one.silent_s = 0.5
    assert why_to_end(seen("stopping", one)) == "it has not ended within 310 s"


def test_a_worker_that_stops_and_hangs_is_ended() -> None:
    one = waited([1.0] * int(ENDS_SILENTLY_FOR_S), stopping=True)
    assert "hung" in why_to_end(seen("stopping", one))


def test_time_before_it_was_told_to_end_is_not_counted_as_stopping() -> None:
    assert waited([1.0] * 50).stopping_s == 0


@given(st.floats(0, 1e9))
def test_however_long_the_machine_slept_nobody_is_ended_for_it(slept_s: float) -> None:
    """A suspended machine, or SIGSTOP of the whole process group: then the master did not run either."""
    one = waited([1.0] * int(HANGS_AFTER_S - MOST_BETWEEN_LOOKS_S), stopping=False)
    one.looked(slept_s, stopping=False)
    assert why_to_end(seen("serving", one)) == ""
