"""How a worker has ended is said in words, whatever has ended it."""

import signal

import pytest

from gateway.master.deciding.ends import how_ended, in_words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "status 0"),
        (2, "status 2"),
        (-signal.SIGKILL, "signal SIGKILL"),
        (-(signal.SIGRTMIN + 1), f"signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_a_status_and_a_signal_are_told_apart(status: int, words: str) -> None:
    assert in_words(status) == words


def test_the_clause_says_what_has_ended_it() -> None:
    assert how_ended(1) == "ended with status 1"
    assert how_ended(-signal.SIGTERM) == "ended by signal SIGTERM"
