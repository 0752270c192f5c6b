"""Whether the policies that the memory of answers is compared with do what their names say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cache.memory.policies import Belady, Lru, S3Fifo, Sieve, WTinyLfu
from bench.cache.memory.ratios import ratio

ONE = 10_000
requests = st.lists(st.integers(0, 7), min_size=20, max_size=200)


@pytest.mark.parametrize("new", [Lru, S3Fifo, Sieve, WTinyLfu])
@given(numbers=requests)
def test_none_has_more_hits_than_belady_and_none_is_over_its_bound(new, numbers) -> None:  # type: ignore[no-untyped-def]
    keys = [b"%d" % number for number in numbers]
    hits = {}
    for name, policy in {"best": Belady(4 * ONE, keys), "other": new(4 * ONE)}.items():
        hits[name] = 0
        for key in keys:
            if policy.asked(key):
                hits[name] += 1
            else:
                policy.put(key, ONE)
            assert 0 <= policy.taken <= 4 * ONE
    assert hits["other"] <= hits["best"]


def test_lru_forgets_what_was_not_used_for_longest() -> None:
    lru = Lru(2 * ONE)
    lru.put(b"1", ONE)
    lru.put(b"2", ONE)
    assert lru.asked(b"1")
    lru.put(b"3", ONE)
    assert [lru.asked(key) for key in (b"1", b"2", b"3")] == [True, False, True]


def test_belady_forgets_what_is_asked_for_last() -> None:
    numbers = [1, 2, 3, 1, 2, 1, 3]
    keys = [b"%d" % number for number in numbers]
    assert ratio(Belady(2 * ONE, keys), numbers, keys, [ONE] * 7) == 3 / 4


def test_a_window_takes_in_what_is_asked_for_more_often_than_what_is_there() -> None:
    policy = WTinyLfu(4 * ONE)
    for key in (b"1", b"2", b"3", b"4"):
        policy.put(key, ONE)
    for key in (b"1", b"2", b"3", b"new", b"new"):
        policy.asked(key)
    policy.put(b"new", ONE)
    assert [policy.asked(key) for key in (b"4", b"new")] == [False, True]
