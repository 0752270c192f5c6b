"""Who leaves a full store."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.stores.eviction import (
    MOST_PASSED_OVER,
    MOST_USES,
    Eviction,
    Held,
    Marks,
    Queue,
)


def put(eviction: Eviction, *names: bytes, uses: int = 0) -> list[Held]:
    some = [Held(name, 10) for name in names]
    for held in some:
        eviction.put(held)
        held.uses = uses
    return some


def leaves(eviction: Eviction) -> bytes | None:
    held = eviction.evict()
    return None if held is None else held.key


def test_an_empty_store_has_nobody_to_evict() -> None:
    assert leaves(Eviction(1000)) is None


def test_what_was_not_used_leaves_in_the_order_in_which_it_came() -> None:
    eviction = Eviction(100)
    put(eviction, b"1", b"2", b"3")
    assert [leaves(eviction) for _ in range(4)] == [b"1", b"2", b"3", None]


def test_one_use_is_enough_to_stay() -> None:
    eviction = Eviction(100)
    put(eviction, b"1", uses=1)
    put(eviction, b"2")
    assert [leaves(eviction) for _ in range(2)] == [b"2", b"1"]


def test_what_is_used_outlives_what_comes_later_and_is_not() -> None:
    eviction = Eviction(100)
    put(eviction, b"1", b"2", uses=2)
    put(eviction, b"3", b"4", b"5")
    assert [leaves(eviction) for _ in range(2)] == [b"3", b"4"]


def test_each_use_in_the_main_queue_is_one_more_round() -> None:
    eviction = Eviction(100)
    _, once, never, thrice = put(eviction, b"gone", b"1", b"0", b"3", uses=2)
    assert leaves(eviction) == b"gone"  # all went to the main queue, where uses begin to count anew
    once.uses, never.uses, thrice.uses = 1, 0, MOST_USES
    assert [leaves(eviction) for _ in range(4)] == [b"0", b"1", b"3", None]


def test_what_left_lately_comes_back_into_the_main_queue() -> None:
    eviction = Eviction(100)
    put(eviction, b"1", b"2")
    assert leaves(eviction) == b"1"
    (back,) = put(eviction, b"1")
    put(eviction, b"3")
    assert back.is_main
    assert [leaves(eviction) for _ in range(3)] == [b"2", b"3", b"1"]


def test_one_eviction_passes_over_a_bounded_number() -> None:
    eviction = Eviction(1_000_000)
    some = put(eviction, *(b"%d" % number for number in range(3 * MOST_PASSED_OVER)), uses=3)
    assert leaves(eviction) is not None
    assert sum(held.uses < 3 for held in some) <= MOST_PASSED_OVER + 1


def test_sizes_that_change_count_for_the_small_queue() -> None:
    eviction = Eviction(1000)
    main, small = put(eviction, b"1", b"2", uses=2)
    eviction.remove(main)
    main.is_main = True
    assert leaves(eviction) == b"2"
    eviction.put(small)
    eviction.resize(small, 500)
    assert small.bytes == 500
    assert leaves(eviction) == b"2"


def test_a_mark_is_taken_once_and_is_nobody_elses() -> None:
    marks = Marks(1024)
    marks.put(b"1")
    assert not marks.take(b"2", 10)
    assert marks.take(b"1", 10)
    assert not marks.take(b"1", 10)


def test_marks_take_a_hundredth_of_the_store_at_most() -> None:
    for size in (64 * 1024, 1_000_000, 64 * 1024 * 1024):
        assert Eviction(size).overhead < size / 100


def test_marks_of_a_large_store_are_bounded() -> None:
    assert Eviction(1 << 40).overhead < 40 * 1024 * 1024


def test_marks_take_memory_once_there_is_one() -> None:
    tracemalloc.start()
    try:
        marks = Marks(100_000)
        assert not marks.take(b"1", 10)
        before, _ = tracemalloc.get_traced_memory()
        marks.put(b"1")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert before < 10_000
    assert marks.bytes == pytest.approx(after - before, rel=0.01)


def test_a_mark_grows_old() -> None:
    marks = Marks(1024)
    marks.put(b"1")
    marks.put(b"2")
    assert not marks.take(b"1", 1)
    assert marks.take(b"2", 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5))))
def test_a_queue_keeps_the_order_and_the_sum(doings: list[tuple[bool, int]]) -> None:
    queue = Queue()
    held = [Held(b"%d" % number, number + 1) for number in range(6)]
    expected: list[Held] = []
    for is_pushed, number in doings:
        one = held[number]
        if is_pushed and one not in expected:
            queue.push(one)
            expected.append(one)
        elif not is_pushed and one in expected:
            queue.remove(one)
            expected.remove(one)
        assert queue.oldest() is (expected[0] if expected else None)
        assert queue.bytes == sum(one.bytes for one in expected)
    for one in expected:
        assert queue.oldest() is one
        queue.remove(one)
