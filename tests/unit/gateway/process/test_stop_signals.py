"""The signals that stop a process in the foreground."""

import sys

import pytest

from gateway.process.stop_signals import StopSignals


async def test_a_gateway_starts_without_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lockgate gateway <&-` ended with a traceback: 'NoneType' object has no attribute 'fileno'."""
    monkeypatch.setattr(sys, "stdin", None)

    stop = StopSignals()

    assert not stop.asked.is_set()
