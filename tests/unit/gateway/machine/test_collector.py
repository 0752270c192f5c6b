"""The collector is paused, and what was made meanwhile is excluded where the process excludes anything."""

import gc
from collections.abc import Iterator

import pytest

from gateway.machine import collector
from gateway.machine.collector import collector_paused, spare_the_collector


@pytest.fixture(autouse=True)
def _thawed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(collector, "_is_spared", False)
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_meanwhile() -> None:
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


def test_what_was_made_meanwhile_is_excluded_in_a_process_that_excludes_something() -> None:
    gc.unfreeze()
    with collector_paused():
        kept = [[number] for number in range(100)]
    assert gc.get_freeze_count() == 0
    spare_the_collector()
    before = gc.get_freeze_count()
    with collector_paused():
        kept += [[number] for number in range(100)]
    assert gc.get_freeze_count() >= before + 100
