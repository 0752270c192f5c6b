"""The collector is paused, and what was made meanwhile is excluded where the process excludes anything."""

import gc
from collections.abc import Iterator

import pytest

from gateway.machine.collector import collector_paused


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
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
    gc.freeze()
    before = gc.get_freeze_count()
    with collector_paused():
        kept += [[number] for number in range(100)]
    assert gc.get_freeze_count() >= before + 100
