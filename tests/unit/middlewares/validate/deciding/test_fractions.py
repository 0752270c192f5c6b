"""A number is compared with a fraction exactly, which takes long: not without end."""

from typing import Any

import pytest

from middlewares.validate.deciding.bodies import MOST_COMPARED_EXACTLY, TooMany
from tests.support.openapi import posted, taking

LIST = [1.5] * (MOST_COMPARED_EXACTLY + 2)


@pytest.mark.parametrize(
    "item",
    [
        {"minimum": 0.5},
        {"exclusiveMaximum": 99.9},
        {"multipleOf": 0.01},
        {"multipleOf": 3},
        {"const": 1.5},
        {"enum": [1.5, 2]},
        {"enum": [{"a": 1.0}]},
        {"$ref": "#/components/schemas/Price"},
    ],
)
def test_many_values_are_not_compared_with_a_fraction(item: Any) -> None:
    document = taking({"items": item}, Price={"type": "number", "minimum": 0.01})
    with pytest.raises(TooMany):
        posted(document, LIST)
    assert posted(document, LIST[:9]) is not None


@pytest.mark.parametrize("item", [{"minimum": -90.0, "maximum": 90}, {"exclusiveMaximum": 9.1e1}])
def test_a_number_that_is_whole_is_compared_at_once(item: Any) -> None:
    document = taking({"items": item})
    assert posted(document, [50] * len(LIST)) == []
    assert posted(document, [50] * len(LIST) + [91])
    assert posted(document, [91.5])


def test_a_name_that_is_required_twice_is_required() -> None:
    document = taking({"required": ["a", "a"]})
    assert document.notes == []
    assert posted(document, {}) == ["body /a: expected a value: it is required"]
