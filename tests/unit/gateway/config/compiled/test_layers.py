"""The table of the layers: what is printed of a route is in README.md too, in the same order."""

from pathlib import Path

import pytest

from gateway.config.compiled.layers import LAYERS, SPECIAL, way_in, way_out
from middlewares.cache.policy import CachePolicy
from middlewares.limits.deciding import Policy
from middlewares.routing.policy import RoutePolicy

README = Path(__file__).parents[5] / "README.md"
LIMIT = Policy("default", 100, 60_000_000)


def test_the_readme_has_each_layer_with_its_reason_in_their_order() -> None:
    rows = [f"| {one.direction} | {one.name} | {one.does} | {one.because} |" for one in LAYERS]
    text = README.read_text("utf-8")
    assert "\n".join(rows) in text


def test_a_route_without_policies_has_what_every_route_has() -> None:
    assert way_in(RoutePolicy(), "hop") == ["hygiene", "route", "candidates", "hop"]
    assert way_out(RoutePolicy(), "hop") == ["our fields"]


@pytest.mark.parametrize("maker", ["respond", "redirect", "compose", "the way"])
def test_what_only_an_instance_needs_is_left_out_where_the_gateway_answers(maker: str) -> None:
    policy = RoutePolicy(limits=(LIMIT,), cache=CachePolicy())
    assert way_in(policy, maker) == ["hygiene", "route", "limits", maker]


def test_limits_are_on_the_way_out_only_where_answers_count() -> None:
    counting = RoutePolicy(limits=(Policy("logins", 5, 60_000_000, counts=frozenset([401])),))
    assert way_out(RoutePolicy(limits=(LIMIT,)), "hop") == ["our fields"]
    assert way_out(counting, "hop") == ["limits", "our fields"]


def test_a_cache_is_on_both_ways() -> None:
    policy = RoutePolicy(cache=CachePolicy())
    assert way_in(policy, "hop") == ["hygiene", "route", "cache", "candidates", "hop"]
    assert way_out(policy, "hop") == ["cache", "our fields"]


def test_each_field_that_asks_for_a_layer_is_one_of_the_policy() -> None:
    known = set(RoutePolicy.__dataclass_fields__) | set(SPECIAL)
    assert {field for one in LAYERS for field in one.fields} <= known


@pytest.mark.parametrize("direction", ["in", "out"])
def test_no_layer_is_named_twice_on_one_way(direction: str) -> None:
    names = [one.name for one in LAYERS if one.direction == direction]
    assert len(names) == len(set(names))
