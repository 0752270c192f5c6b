"""Numbers that several processes share."""

import os
from collections.abc import Iterator

import pytest

from gateway.machine.shared_counts import SharedCounts, shared_counts


@pytest.fixture
def descriptor() -> Iterator[int]:
    made = shared_counts(3)
    if made is None:
        pytest.skip("this system has no such memory")
    yield made
    os.close(made)


def test_a_system_that_refuses_such_memory_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", refused, raising=False)

    assert shared_counts(2) is None


def test_a_process_sees_the_least_of_the_others(descriptor: int) -> None:
    one, two, three = (SharedCounts(descriptor, 3, slot) for slot in range(3))
    one.set(1)
    two.set(7)
    three.set(5)

    assert one.least_of_others() == 5
    assert two.least_of_others() == 1


def test_a_process_that_has_set_nothing_does_not_count(descriptor: int) -> None:
    one, two = SharedCounts(descriptor, 3, 0), SharedCounts(descriptor, 3, 1)

    assert one.least_of_others() is None
    two.set(0)
    assert one.least_of_others() == 0


def test_a_process_that_leaves_does_not_count(descriptor: int) -> None:
    one, two = SharedCounts(descriptor, 3, 0), SharedCounts(descriptor, 3, 1)
    two.set(4)

    two.leave()

    assert one.least_of_others() is None


def test_the_number_of_a_successor_stays_when_the_one_before_leaves(descriptor: int) -> None:
    one, old, new = (SharedCounts(descriptor, 3, slot) for slot in (0, 1, 1))
    old.set(4)
    new.set(2)

    old.leave()

    assert one.least_of_others() == 2
