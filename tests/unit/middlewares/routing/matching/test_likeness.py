"""A mistyped segment is like the one that was meant, and other names are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.routing.matching.likeness import alike

NAMES = st.text("abc", min_size=4, max_size=8)
LETTERS = st.sampled_from("abcx")


@given(NAMES, st.integers(0, 8), LETTERS)
def test_one_slip_is_alike_in_both_directions(name: str, place: int, letter: str) -> None:
    at = place % len(name)
    missing, more = name[:at] + name[at + 1 :], name[:at] + letter + name[at:]
    other = name[:at] + letter + name[at + 1 :]
    exchanged = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    for slip in (missing, more, other, exchanged, name.upper()):
        assert alike(slip, name), slip
        assert alike(name, slip), slip


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("orders", "others"), ("orders", "ordering"), ("users", "orders"), ("abcdef", "badcef"),
        ("v1", "v2"), ("", "a"), ("a" * 65, "a" * 66),
    ],
)  # fmt: skip
def test_other_names_are_not_alike(asked: str, name: str) -> None:
    assert not alike(asked, name)
    assert not alike(name, asked)
