"""The same key goes to the same instance, and instances that come or go move only their own keys."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.balancing.choice import HASHED, ONLY, OVERFLOWED
from gateway.hop.deciding.balancing.hashing import ALWAYS, BOUND, choose
from middlewares.candidates.deciding import Candidates
from tests.support.balancing import UnderWay, candidates

KEYS = [b"user-%d" % number for number in range(3000)]
IDLE = UnderWay({})


def homes(among: Candidates) -> dict[bytes, str]:
    return {key: choose(among, key, IDLE).candidate.instance.id for key in KEYS}


def test_every_process_has_the_same_order() -> None:
    """Values from another process: with Python's own hash each gateway would have an order of its own."""
    among = candidates(a=1, b=1, c=1)
    assert (
        "".join(choose(among, key, IDLE).candidate.instance.id for key in KEYS[:12])
        == "bbaccbacacac"
    )


def test_the_only_candidate_is_taken_for_every_key() -> None:
    assert choose(candidates(a=1), b"x", IDLE).why == ONLY


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 2, "c": 7}], ids=str)
def test_keys_are_shared_out_by_weight(weights: dict[str, int]) -> None:
    shares = Counter(homes(candidates(**weights)).values())
    for one, weight in weights.items():
        assert shares[one] / len(KEYS) == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_only_the_keys_of_one_that_went_move() -> None:
    before, after = homes(candidates(a=1, b=2, c=1, d=1)), homes(candidates(a=1, b=2, d=1))
    moved = {key for key in KEYS if before[key] != after[key]}
    assert moved == {key for key in KEYS if before[key] == "c"}
    # They are shared out among all others, and no sibling gets all of them.
    assert set(Counter(after[key] for key in moved)) == {"a", "b", "d"}


def test_one_that_comes_or_grows_takes_keys_and_gives_none() -> None:
    before = homes(candidates(a=2, b=2))
    for more in (candidates(a=2, b=2, c=2), candidates(a=2, b=3)):
        after = homes(more)
        moved = {after[key] for key in KEYS if before[key] != after[key]}
        assert len(moved) == 1
        assert moved <= {"c", "b"}


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 20), min_size=2),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 60)),
    st.binary(),
)
def test_nobody_gets_more_than_its_bound(
    weights: dict[str, int], in_flight: Mapping[str, int], key: bytes
) -> None:
    among = candidates(**weights)
    chosen, why = choose(among, key, UnderWay(in_flight))
    count = in_flight.get(chosen.instance.id, 0) + 1
    whole = sum(in_flight.get(one, 0) for one in weights) + 1
    share = whole * chosen.instance.weight / sum(weights.values())
    assert count <= max(ALWAYS, BOUND * share + 1)
    first = choose(among, key, IDLE).candidate.instance.id
    assert (why == HASHED) == (chosen.instance.id == first)


def test_what_a_hot_key_has_too_much_goes_to_the_next_in_its_order() -> None:
    among = candidates(a=1, b=1, c=1, d=1)
    first = choose(among, b"hot", IDLE).candidate
    loads = UnderWay({first.instance.id: ALWAYS})
    second = choose(among, b"hot", loads)
    assert second.why == OVERFLOWED
    assert second.candidate == choose(among.without(first), b"hot", IDLE).candidate


def test_a_few_at_a_time_stay_together() -> None:
    among = candidates(a=1, b=1, c=1)
    first = choose(among, b"page", IDLE).candidate.instance.id
    assert choose(among, b"page", UnderWay({first: ALWAYS - 1})).why == HASHED
