"""Rendezvous hashing of instances over workers."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from discovery.health.owning import owner_of, turn_of

WORKERS = st.lists(st.text("0123456789", min_size=1, max_size=6), min_size=1, unique=True)


@given(st.text(), WORKERS, st.randoms())
def test_all_workers_find_the_same_owner_whatever_the_order(
    key: str, workers: list[str], rng: Random
) -> None:
    other = list(workers)
    rng.shuffle(other)
    assert owner_of(key, workers) == owner_of(key, other)
    assert owner_of(key, workers) in workers


@given(st.text(), WORKERS)
def test_a_worker_that_leaves_moves_nothing_but_its_own_instances(
    key: str, workers: list[str]
) -> None:
    owner = owner_of(key, workers)
    for left in workers:
        if left != owner:
            assert owner_of(key, [one for one in workers if one != left]) == owner


@given(st.text(), WORKERS)
def test_each_worker_has_another_turn_and_the_owner_the_first(key: str, workers: list[str]) -> None:
    turns = {worker: turn_of(key, worker, workers) for worker in workers}
    assert sorted(turns.values()) == list(range(len(workers)))
    assert turns[owner_of(key, workers)] == 0
    assert turn_of(key, "another", workers) == len(workers)


def test_the_instances_are_spread_evenly() -> None:
    for count in (2, 3, 4, 8):
        workers = [str(4000 + number) for number in range(count)]
        owned = Counter(owner_of(f"price/{n}", workers) for n in range(8000))
        assert min(owned.values()) > 0.9 * 8000 / count
        assert max(owned.values()) < 1.1 * 8000 / count
