"""What reports show of values."""

from typing import Any

import pytest

from middlewares.mirror.deciding.shown import MOST_SHOWN, shown, shown_text


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "null", "null"),
        (True, "true or false", "true"),
        (1.5, "number", "1.5"),
        ("secret", "text of 6 characters", '"secret"'),
        ([1, 2], "array of 2", "[1,2]"),
        ({"a": "b"}, "object of 1", '{"a":"b"}'),
        ([[1]], "array of 1", "array of 1"),
        ([1] * 100, "array of 100", "array of 100"),
        ({"a": {"b": 1}}, "object of 1", "object of 1"),
    ],
)
def test_a_value_is_shown_only_where_that_is_asked_for(value: Any, kind: str, text: str) -> None:
    assert shown(value, values=False) == kind
    assert shown(value, values=True) == text


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 1000, values=True)) == MOST_SHOWN + 1
    assert shown_text("x" * 1000, values=False) == "text of 1000 characters"
