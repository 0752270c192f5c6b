"""SIGINT and SIGTERM to commands that must undo something."""

import signal

import pytest

from middlewares.programs.stop_signals import STOP_SIGNALS, Stopped, stops_raised


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_what_was_begun_can_be_undone(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in STOP_SIGNALS]
    with pytest.raises(Stopped) as stopped, stops_raised():
        signal.raise_signal(number)
    assert stopped.value.status == 128 + number
    assert [signal.getsignal(one) for one in STOP_SIGNALS] == before
