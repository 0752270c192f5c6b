"""Which parameter of Accept is read, with which weight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.versions.deciding.media_types import parameters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("*/*", []),
        ("a/b;v=1", [("1", 1.0)]),
        ("a/b ; V = 1 ; q=0.5", [("1", 0.5)]),
        ('a/b;v="1,2;3"', [("1,2;3", 1.0)]),
        (r'a/b;v="1\"2"', [('1"2', 1.0)]),
        ("a/b;v=1, c/d;v=2;q=0.1", [("1", 1.0), ("2", 0.1)]),
        ("a/b;v=1;v=2", [("1", 1.0)]),
        ("a/b;v=1;q=0", []),
        ("a/b;v=1;q=0.000", []),
        ("a/b;v=1;q=7", [("1", 1.0)]),
        ("a/b;v", []),
        ("a/b;w=1", []),
        ('a/b;x="v=1"', []),
        ("application/Signed-Exchange;v=b3;q=0.7,a/b;v=1", [("1", 1.0)]),
        ('a/b;v="1', [('"1', 1.0)]),
        # A quoted string without an end is all that follows, and is not looked for again from its middle.
        (r'a/b;v=1, c/d;w="\"2", a/b;v="3, e/f;v=4', [("1", 1.0), ('"3, e/f;v=4', 1.0)]),
    ],
)
def test_each_member_s_parameter_and_weight(text: str, expected: list[tuple[str, float]]) -> None:
    assert [*parameters(text, "v")] == expected


@given(text=st.text(st.sampled_from('av=1;,"\\ q/')))
def test_no_text_is_too_odd(text: str) -> None:
    for one in parameters(text, "v"):
        assert 0 < one.weight <= 1


def test_a_long_field_is_read_in_one_pass() -> None:
    assert [*parameters('"\\' * 16_000, "v")] == []
    assert len([*parameters("a/b;v=1," * 4_000, "v")]) == 4_000
