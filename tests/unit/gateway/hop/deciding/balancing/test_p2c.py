"""Which candidate gets a request by default: the least busy of a few, the better of two different ones of many."""

import random
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.balancing.choice import DRAWN, FASTER, LESS_BUSY, NEW, ONLY
from gateway.hop.deciding.balancing.p2c import FEW, choose
from middlewares.candidates.deciding import Candidates
from tests.support.balancing import UnderWay, candidates

DRAWS = 4000


def shares(among: Candidates, in_flight: Mapping[str, int]) -> dict[str, float]:
    """Each candidate's share of many requests, with these requests in flight."""
    rng = random.Random(11)
    loads = UnderWay(in_flight)
    chosen = Counter(choose(among, loads, rng).candidate.instance.id for _ in range(DRAWS))
    return {one.instance.id: chosen[one.instance.id] / DRAWS for one in among}


def test_a_single_candidate_is_taken_without_a_draw() -> None:
    (only,) = candidates(a=1)
    assert choose(Candidates([only]), UnderWay({"a": 10**6}), random.Random(1)) == (only, ONLY)


def test_of_two_the_busier_never_gets_a_request() -> None:
    """Two draws *with* replacement, as in HAProxy and Envoy, would give a hanging instance a quarter of
    the requests here, since both draws can be that instance."""
    assert shares(candidates(a=1, b=1), {"a": 1}) == {"a": 0.0, "b": 1.0}


def test_of_a_few_only_the_least_busy_get_requests() -> None:
    got = shares(candidates(a=1, b=1, c=1, d=3), {"a": 9, "b": 1})
    assert got["a"] == got["b"] == 0.0
    assert got["d"] == pytest.approx(0.75, abs=0.04)


def test_the_busiest_of_many_never_gets_a_request() -> None:
    many = candidates(**{f"i{number}": 1 for number in range(FEW + 1)})
    got = shares(many, {f"i{number}": 9 if number else 10 for number in range(FEW)})
    assert got["i0"] == 0.0
    assert got[f"i{FEW}"] > got["i1"] > 0.0


@pytest.mark.parametrize("number", [2, FEW, FEW + 1])
def test_a_slow_one_waits_until_its_siblings_have_as_much_more_to_do(number: int) -> None:
    busy = {f"i{index}": 5 for index in range(1, number)}
    for slowness, gets in ((6.0, 0.0), (4.0, 1.0)):
        among = candidates(**{f"i{index}": 1 for index in range(number)})
        loads, rng = UnderWay(busy, slow={"i0": slowness}), random.Random(1)
        drawn = [choose(among, loads, rng) for _ in range(DRAWS)]
        chosen = [one for one in drawn if one.candidate is among[0]]
        if gets:
            assert len(chosen) > DRAWS / (number + 1)
        else:
            assert not chosen
            assert {one.why for one in drawn} == {
                DRAWN,
                FASTER,
            }  # of the others, or not the drawn one


def test_idle_equals_share_alike() -> None:
    got = shares(candidates(a=1, b=1, c=1), {})
    assert all(share == pytest.approx(1 / 3, abs=0.04) for share in got.values())


def test_an_idle_service_is_shared_out_by_weight() -> None:
    assert shares(candidates(a=1, b=3), {})["b"] == pytest.approx(0.75, abs=0.04)
    got = shares(candidates(a=1, b=2, c=7), {})
    assert got["a"] == pytest.approx(0.1, abs=0.03)
    assert got["c"] == pytest.approx(0.7, abs=0.04)


def test_a_tie_under_load_is_shared_out_by_weight_too() -> None:
    assert shares(candidates(a=1, b=3), {"a": 2, "b": 6})["b"] == pytest.approx(0.75, abs=0.04)


@pytest.mark.parametrize("in_flight", [{}, {"a": 9, "b": 9, "c": 9}], ids=["idle", "busy"])
def test_who_has_had_no_request_yet_has_the_next_one(in_flight: Mapping[str, int]) -> None:
    """Among four idle instances a new one had to wait for two or three requests, sometimes for sixteen."""
    among = candidates(a=100, b=100, new=1, c=100)

    for seed in range(20):
        rng = random.Random(seed)
        chosen = choose(among, UnderWay(in_flight, new="new"), rng)
        assert (chosen.candidate.instance.id, chosen.why) == ("new", NEW)


def test_a_second_one_is_drawn_beside_one_with_nearly_all_of_the_weight() -> None:
    assert shares(candidates(heavy=1000, light=1), {"heavy": 10**6})["light"] == 1.0


def test_once_each_has_had_a_request_nobody_is_asked_for_a_new_one() -> None:
    among = candidates(a=1, b=1)
    choose(among, UnderWay({}), random.Random(1))

    assert choose(among, UnderWay({}, new="a"), random.Random(1)).why == DRAWN
    assert choose(candidates(a=1, b=1), UnderWay({}, new="a"), random.Random(1)).why == NEW


def test_load_is_measured_against_weight() -> None:
    """Four requests at an instance of weight ten are less load than one at an instance of weight one."""
    assert shares(candidates(light=1, heavy=10), {"light": 1, "heavy": 4})["heavy"] == 1.0
    assert shares(candidates(light=1, heavy=10), {"light": 1, "heavy": 11})["light"] == 1.0


@given(
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(1, 1000), min_size=2),
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 50)),
    st.integers(),
)
def test_the_choice_is_a_candidate_and_never_the_one_that_is_busier_than_all_others(
    weights: dict[str, int], in_flight: dict[str, int], seed: int
) -> None:
    among = candidates(**weights)
    load = {name: in_flight.get(name, 0) / weight for name, weight in weights.items()}
    chosen, why = choose(among, UnderWay(in_flight), random.Random(seed))
    assert why in (DRAWN, LESS_BUSY)
    assert chosen in among
    others = [load[one.instance.id] for one in among if one is not chosen]
    assert load[chosen.instance.id] <= (min(others) if len(among) <= FEW else max(others))
