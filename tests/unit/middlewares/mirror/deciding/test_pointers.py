"""JSON pointers with stars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.mirror.deciding.pointers import (
    MOST_CHARACTERS,
    ignored_below,
    ignoring,
    parse_pattern,
    pointer_text,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("/a", ("a",)),
        ("/", ("",)),
        ("/a/*/b", ("a", "*", "b")),
        ("/a~1b/~0", ("a/b", "~")),
        ("/~01", ("~1",)),
        ("/ä b", ("ä b",)),
    ],
)
def test_the_tokens_of_a_pointer(text: str, tokens: tuple[str, ...]) -> None:
    assert parse_pattern(text) == tokens
    assert pointer_text(tokens) == text


@pytest.mark.parametrize("text", ["", "a", "/~", "/~2", "/a/~", "a/b", "/" + "a" * MOST_CHARACTERS])
def test_what_is_no_pointer(text: str) -> None:
    with pytest.raises(ValueError, match="must be a JSON pointer"):
        parse_pattern(text)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=5))
def test_text_and_back(tokens: list[str]) -> None:
    assert parse_pattern(pointer_text(tokens)) == tuple(tokens)


def test_without_pointers_nothing_is_looked_at() -> None:
    assert ignoring([]) == ()
    assert ignored_below((), "a") == ()


def test_a_star_and_a_name_lead_on_together() -> None:
    root = ignoring([("*", "a"), ("b", "c")])
    below = ignored_below(root, "b")
    assert below is not None
    assert ignored_below(below, "a") is None
    assert ignored_below(below, "c") is None
    assert ignored_below(below, "d") == ()
