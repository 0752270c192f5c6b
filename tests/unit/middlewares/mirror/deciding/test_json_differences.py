"""Where two JSON documents differ."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.mirror.deciding.json_differences import Difference, differences
from middlewares.mirror.deciding.pointers import ignoring, parse_pattern

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def found(one: Any, other: Any, *ignored: str) -> list[tuple[str, str]]:
    patterns = ignoring(map(parse_pattern, ignored))
    return [
        (difference.kind, "/".join(("", *difference.tokens)))
        for difference in differences(one, other, patterns)
        if difference is not None
    ]


def at(value: Any, tokens: Sequence[str]) -> Any:
    for token in tokens:
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1, []),
        (1, 2, [("value", "")]),
        (1, 1.0, []),
        (1, True, [("type", "")]),
        (0, False, [("type", "")]),
        (None, 0, [("type", "")]),
        ("a", "b", [("value", "")]),
        ([], {}, [("type", "")]),
        ([1, 2], [1], [("absent", "/1")]),
        ([1], [1, 2], [("added", "/1")]),
        ({"a": 1}, {"b": 1}, [("absent", "/a"), ("added", "/b")]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [("value", "/a/0/b")]),
        ({"a": None}, {}, [("absent", "/a")]),
        ({"a": [1]}, {"a": {"0": 1}}, [("type", "/a")]),
    ],
)
def test_what_differs(one: Any, other: Any, expected: list[tuple[str, str]]) -> None:
    assert found(one, other) == expected


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        (["/at"], ["/items/0/id", "/items/1/id"]),
        (["/items"], ["/at"]),
        (["/items/*/id"], ["/at"]),
        (["/items/1/id", "/at"], ["/items/0/id"]),
        (["/*"], []),
        (["/*/0"], ["/at", "/items/1/id"]),
        (["/items/*"], ["/at"]),
        (["/other", "/items/*/other"], ["/at", "/items/0/id", "/items/1/id"]),
    ],
)
def test_what_is_ignored(ignored: list[str], expected: list[str]) -> None:
    one = {"at": 1, "items": [{"id": 1}, {"id": 2}]}
    other = {"at": 2, "items": [{"id": 3}, {"id": 4}]}
    assert [place for _, place in found(one, other, *ignored)] == expected


def test_a_shape_has_no_indexes() -> None:
    one, other = {"a": [[{"b": 1}]]}, {"a": [[{"b": 2}]]}
    (difference,) = filter(None, differences(one, other, ()))
    assert difference == Difference("value", ("a", "0", "0", "b"), ("a", "*", "*", "b"), 1, 2)


def test_a_member_without_a_value_is_told_from_one_that_is_null() -> None:
    (difference,) = filter(None, differences({"a": None}, {}, ()))
    assert (difference.kind, difference.original, difference.copy) == ("absent", None, None)


def test_a_thousand_levels_are_walked_without_recursion() -> None:
    one: Any = 1
    other: Any = 2
    for _ in range(5000):
        one, other = [one], [other]
    (difference,) = filter(None, differences(one, other, ()))
    assert len(difference.tokens) == 5000


@given(VALUES)
def test_a_document_is_like_itself(value: Any) -> None:
    assert found(value, copy.deepcopy(value)) == []


@given(VALUES, VALUES)
def test_each_difference_is_where_it_says(one: Any, other: Any) -> None:
    for difference in filter(None, differences(one, other, ())):
        if difference.kind != "added":
            assert at(one, difference.tokens) == difference.original
        if difference.kind != "absent":
            assert at(other, difference.tokens) == difference.copy


@given(VALUES, VALUES)
def test_the_other_way_round_is_the_same(one: Any, other: Any) -> None:
    turned = {"absent": "added", "added": "absent"}
    back = [(turned.get(kind, kind), place) for kind, place in found(other, one)]
    assert sorted(back) == sorted(found(one, other))


@given(VALUES, VALUES)
def test_documents_without_a_difference_are_equal(one: Any, other: Any) -> None:
    if not found(one, other):
        assert one == other
