"""Instances take turns by weight, smoothly."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.balancing.choice import ONLY, TURN
from gateway.hop.deciding.balancing.round_robin import Turns, choose
from middlewares.candidates.deciding import Candidates
from tests.support.balancing import candidates, ids

weights = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), min_size=2)


def turns_of(among: Candidates, turns: Turns, number: int) -> str:
    return "".join(choose(among, turns).candidate.instance.id for _ in range(number))


def test_equals_take_turns() -> None:
    assert turns_of(candidates(a=1, b=1, c=1), {}, 7) == "abcabca"


def test_a_heavy_one_is_spread_over_the_round() -> None:
    """nginx's own example: a plain round would be aaaaabc."""
    assert turns_of(candidates(a=5, b=1, c=1), {}, 7) == "aabacaa"


def test_the_only_one_needs_no_turn() -> None:
    turns: Turns = {}
    assert choose(candidates(a=1), turns).why == ONLY
    assert turns == {}
    assert choose(candidates(a=1, b=1), turns).why == TURN


@given(weights, st.integers(0, 40))
def test_in_each_round_each_gets_as_many_as_its_weight(by_id: dict[str, int], before: int) -> None:
    among, turns = candidates(**by_id), dict[str, float]()
    turns_of(among, turns, before)
    taken = turns_of(among, turns, sum(by_id.values()))
    assert {one: taken.count(one) for one in by_id} == by_id


@given(st.lists(weights, min_size=1, max_size=6))
def test_no_change_of_members_lets_anyone_have_two_rounds_more_than_its_share(
    memberships: list[dict[str, int]],
) -> None:
    turns: Turns = {}
    for by_id in memberships:
        among, whole = candidates(**by_id), sum(by_id.values())
        taken = turns_of(among, turns, 3 * whole)
        for one in ids(among):
            assert taken.count(one) <= 5 * by_id[one] + len(memberships) * 9


def test_who_was_away_keeps_its_place() -> None:
    turns: Turns = {}
    both, rest = candidates(a=1, b=1, c=1), candidates(b=1, c=1)
    assert turns_of(both, turns, 1) == "a"
    assert turns_of(rest, turns, 2) == "bc"
    assert turns_of(both, turns, 3) == "bca"


def test_those_who_are_gone_are_forgotten() -> None:
    turns: Turns = {}
    for number in range(200):
        choose(candidates(**{"a": 1, f"i{number}": 1}), turns)
    assert len(turns) <= 21
