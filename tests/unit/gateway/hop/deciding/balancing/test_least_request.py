"""The one with the fewest requests in flight for its weight gets the next."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.balancing.choice import DRAWN, LESS_BUSY, ONLY
from gateway.hop.deciding.balancing.least_request import choose
from tests.support.balancing import UnderWay, candidates


def test_a_single_candidate_is_taken() -> None:
    assert choose(candidates(a=1), UnderWay({"a": 9}), random.Random(1)).why == ONLY


@given(
    st.dictionaries(st.sampled_from("abcdefghijklm"), st.integers(1, 1000), min_size=2),
    st.dictionaries(st.sampled_from("abcdefghijklm"), st.integers(0, 50)),
    st.integers(),
)
def test_nobody_has_less_to_do(
    weights: dict[str, int], in_flight: dict[str, int], seed: int
) -> None:
    among = candidates(**weights)
    load = {one: in_flight.get(one, 0) / weight for one, weight in weights.items()}
    chosen, why = choose(among, UnderWay(in_flight), random.Random(seed))
    least = min(load.values())
    assert load[chosen.instance.id] == least
    assert why == (LESS_BUSY if [*load.values()].count(least) == 1 else DRAWN)


def test_an_idle_service_is_shared_out_by_weight() -> None:
    among, rng = candidates(a=1, b=3), random.Random(3)
    drawn = Counter(choose(among, UnderWay({}), rng).candidate.instance.id for _ in range(4000))
    assert drawn["b"] / 4000 == pytest.approx(0.75, abs=0.04)


def test_latency_does_not_count_and_a_new_one_has_nothing_to_do() -> None:
    among = candidates(a=1, b=1)
    loads = UnderWay({"a": 1}, slow={"b": 99.0})
    assert choose(among, loads, random.Random(1)).candidate.instance.id == "b"
    assert choose(among, UnderWay({"a": 1}, new="b"), random.Random(1)).why == LESS_BUSY
