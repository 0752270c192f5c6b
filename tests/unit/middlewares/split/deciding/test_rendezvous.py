"""Which share an identity belongs to."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.split.deciding.rendezvous import Rendezvous
from middlewares.split.deciding.weights import with_share

MANY = 100_000
IDENTITIES = [f"client\x0010.{n >> 16}.{n >> 8 & 255}.{n & 255}".encode() for n in range(MANY)]
WEIGHTS = st.lists(st.sampled_from([0.0, 0.5, 1.0, 5.0, 95.0, 1000.0]), min_size=2, max_size=5)


@pytest.mark.parametrize("weights", [(5, 95), (1, 99), (50, 25, 25), (0.1, 0.2, 0.7), (0, 30, 70)])
def test_each_share_gets_its_part_of_100_000_identities(weights: tuple[float, ...]) -> None:
    shares = Rendezvous("orders", [f"share{n}" for n in range(len(weights))])
    found = [0] * len(weights)
    for identity in IDENTITIES:
        found[shares.pick(identity, weights)] += 1
    for count, weight in zip(found, weights, strict=True):
        part = weight / sum(weights)
        # Within five standard deviations, which chance leaves once in 1.7 million.
        assert abs(count - MANY * part) <= 5 * (MANY * part * (1 - part)) ** 0.5


def test_the_steps_of_a_canary_move_only_what_they_must() -> None:
    shares = Rendezvous("orders", [">=2", "^1"])
    weights = (1.0, 99.0)
    before = {one: shares.pick(one, weights) for one in IDENTITIES[:20_000]}
    for step in (5.0, 25.0, 100.0, 25.0, 0.0):
        grew = step > weights[0]
        weights = with_share(weights, (5.0, 95.0), 0, step)
        now = {one: shares.pick(one, weights) for one in before}
        moved = {(before[one], now[one]) for one in before if before[one] != now[one]}
        assert moved == ({(1, 0)} if grew else {(0, 1)})
        before = now


def test_what_is_picked_is_the_same_in_every_process_for_ever() -> None:
    shares = Rendezvous("orders", [">=2", "^1"])
    picked = "".join(str(shares.pick(f"client\0{n}".encode(), (30, 70))) for n in range(60))
    assert picked == PICKED
    program = (
        "from middlewares.split.deciding.rendezvous import Rendezvous\n"
        "s = Rendezvous('orders', ['>=2', '^1'])\n"
        "print(''.join(str(s.pick(f'client\\0{n}'.encode(), (30, 70))) for n in range(60)))\n"
    )
    for seed in ("0", "7"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        assert done.stdout.strip() == picked


def test_routes_and_shares_are_independent_of_each_other() -> None:
    one, other = Rendezvous("orders", [">=2", "^1"]), Rendezvous("users", [">=2", "^1"])
    both = sum(
        one.pick(identity, (50, 50)) == other.pick(identity, (50, 50))
        for identity in IDENTITIES[:10_000]
    )
    assert 4_700 < both < 5_300


@given(WEIGHTS.filter(any), st.integers(0, 4), st.sampled_from([0.5, 2.0, 10.0]), st.binary())
def test_a_share_that_grows_takes_and_one_that_shrinks_gives(
    weights: list[float], index: int, times: float, identity: bytes
) -> None:
    index %= len(weights)
    shares = Rendezvous("r", [str(n) for n in range(len(weights))])
    changed = [one * times if n == index else one for n, one in enumerate(weights)]
    before, after = shares.pick(identity, weights), shares.pick(identity, changed)
    if before != after:
        assert index == (after if times > 1 else before)


@given(WEIGHTS.filter(any), st.binary(), st.floats(0.01, 100))
def test_only_the_proportions_count_and_not_the_sum(
    weights: list[float], identity: bytes, times: float
) -> None:
    shares = Rendezvous("r", [str(n) for n in range(len(weights))])
    assert shares.pick(identity, weights) == shares.pick(identity, [one * times for one in weights])


@given(WEIGHTS.filter(any), st.binary())
def test_the_order_begins_with_the_pick_and_goes_on_as_if_it_were_not_there(
    weights: list[float], identity: bytes
) -> None:
    shares = Rendezvous("r", [str(n) for n in range(len(weights))])
    left = list(weights)
    for index in shares.order(identity, weights):
        assert shares.pick(identity, left) == index
        left[index] = 0.0
    with pytest.raises(ValueError, match="no share has a weight"):
        shares.pick(identity, left)


PICKED = "111100000111110111111110101001010001101110110111101111101010"


def test_a_weight_next_to_nothing_is_a_weight() -> None:
    shares = Rendezvous("orders", ["a", "b"])
    assert {shares.pick(one, (5e-324, 0.0)) for one in IDENTITIES[:1000]} == {0}
