"""The simulation of ways of balancing: what it says of a slow, a failing and a hanging instance."""

import random
from xml.etree import ElementTree

import pytest

from bench.balancing.__main__ import WAYS, Case, Traffic, simulate
from bench.balancing.plots import bars
from bench.balancing.world import World

SHORT = Traffic(1, 400, 12.0)


def test_a_run_is_the_same_each_time() -> None:
    case = Case("p2c", "slow", SHORT, 1)
    assert simulate(case) == simulate(case)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_shares_requests_out_where_all_are_well(way: str) -> None:
    numbers = simulate(Case(way, "none", SHORT, 1))
    assert numbers.lost == 0
    assert (0 if way == "Prequal" else 0.15) < numbers.least <= numbers.most < 0.4


def test_the_default_loses_few_where_turns_lose_a_fifth() -> None:
    for fault in ("failing", "hanging"):
        default = simulate(Case("p2c", fault, SHORT, 1))  # type: ignore[arg-type]
        turns = simulate(Case("round_robin", fault, SHORT, 1))  # type: ignore[arg-type]
        assert default.lost < 20
        assert turns.lost > 400


def test_each_request_has_one_end() -> None:
    world = World("hanging", 3)
    outcome = world.run([WAYS["p2c"](world, random.Random(1))], 200, 10.0)
    assert sum(outcome.shares.values()) == outcome.requests
    assert all(one.in_flight == 0 for one in world.instances)


def test_a_plot_has_a_bar_for_each_number() -> None:
    groups = {"a<b": [1.0, 1000.0], "c": [0.0, 20.0]}
    plot = ElementTree.fromstring(bars("title", groups, ["x", "y"], "ms"))
    rects = plot.findall("{http://www.w3.org/2000/svg}rect")
    assert len(rects) == 2 + 4
    widths = [float(one.get("width", "")) for one in rects[2:]]
    assert widths[1] > widths[3] > widths[0] == widths[2] == 0
