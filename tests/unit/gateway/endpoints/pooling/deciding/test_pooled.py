"""One document of those of all workers."""

from gateway.endpoints.pooling.deciding.pooled import (
    EACH,
    added,
    every,
    first_said,
    least,
    most,
    oldest,
    own,
    pooled,
    some,
    union,
)


def test_members_go_their_ways_and_others_are_the_asked_workers() -> None:
    assert pooled(
        [{"a": 1, "b": 2, "c": {"d": True}}, {"a": 10, "b": 20, "c": {"d": False}}],
        {"a": added, "c": {"d": every}},
    ) == {"a": 11, "b": 2, "c": {"d": False}}


def test_names_that_are_not_known_before_have_a_way_too() -> None:
    assert pooled(
        [{"hits": {"fresh": 1, "own": 5}}, {"hits": {"fresh": 2, "stale": 3, "own": 6}}],
        {"hits": {EACH: added, "own": own}},
    ) == {"hits": {"fresh": 3, "own": 5, "stale": 3}}


def test_what_only_a_sibling_has_is_shown() -> None:
    assert pooled([{}, {"cache": {"entries": 1}}], {"cache": {"entries": added}}) == {
        "cache": {"entries": 1}
    }


def test_an_object_that_some_have_as_null_is_that_of_the_others() -> None:
    assert pooled([{"redis": None}, {"redis": {"late": 1}}], {"redis": {"late": added}}) == {
        "redis": {"late": 1}
    }
    assert pooled([{"redis": None}], {"redis": {"late": added}}) == {"redis": None}


def test_what_a_worker_of_another_release_says_in_another_form_is_left_out() -> None:
    ways = {"sum": added, "least": least, "inner": {"most": most}}
    other = {"sum": "3", "least": "x", "inner": {"most": [1]}, "more": 1}
    own_document = {"sum": 2, "least": 1, "inner": {"most": 5}}
    assert pooled([own_document, other], ways) == own_document | {"more": 1}


def test_the_ways() -> None:
    assert (own([3, 1]), added([1, None, 2]), most([1, None, 3]), least([2, None])) == (3, 3, 3, 2)
    assert (most([None]), least([None]), added([None])) == (None, None, 0)
    assert (oldest([1, 5]), oldest([1, None])) == (5, None)
    assert (every([True, False]), some([True, False])) == (False, True)
    assert first_said(["", "broken"]) == "broken"
    assert first_said([None, None]) is None
    assert union([["a"], ["b", "a"]]) == ["a", "b"]
