from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middlewares.validate.deciding.explaining import MOST_STEPS, Search
from middlewares.validate.deciding.types import Kinds
from middlewares.validate.deciding.unfit import MOST_CHARACTERS, MOST_TOLD, Unfit
from tests.support.openapi import held, posted, taking

ITEM = {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}


def test_no_more_places_are_named_than_are_read() -> None:
    document = taking({"type": "array", "items": ITEM})
    found = posted(document, [{"sku": 1}] * 80_000)
    assert found == [f"body /{i}/sku: expected type string" for i in range(MOST_TOLD)]


def test_the_search_ends_after_so_many_steps_however_many_ways_there_are() -> None:
    items = {"type": "array", "items": ITEM}
    schema = {"anyOf": [{"anyOf": [{"properties": {"items": items}}] * 5}] * 5}
    search = Search({}, Kinds({}))
    value = {"items": [{"sku": "x"}] * 50_000 + [{"sku": 1}]}
    assert list(search.look(schema, value, "", 0)) == []
    assert search.steps == MOST_STEPS


def test_a_place_that_is_not_found_in_time_is_told_in_general() -> None:
    document = taking({"type": "array", "items": ITEM})
    value = [{"sku": "x"}] * 20_000 + [{"sku": 1}]
    assert posted(document, value) == ["body: expected what the document describes"]


def test_the_branch_that_was_meant_is_explained() -> None:
    cat = {"type": "object", "properties": {"lives": {"type": "integer"}}, "required": ["lives"]}
    document = taking({"anyOf": [cat, {"type": "string"}, {"type": "null"}]})
    assert posted(document, {"lives": "nine"}) == ["body /lives: expected type integer"]
    assert posted(document, 3) == ["body: expected type string or object or null"]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"minLength": 2}, "a", "at least 2 characters"),
        ({"maxItems": 1}, [1, 2], "at most 1 items"),
        ({"minProperties": 1}, {}, "at least 1 members"),
        ({"exclusiveMaximum": 3}, 3, "less than 3"),
        ({"multipleOf": 5}, 7, "a multiple of 5"),
        ({"uniqueItems": True}, [1, 1], "items that are all different"),
        ({"const": True}, 1, "true"),
        ({"enum": list(range(20))}, 99, "one of 0, 1, 2, 3, 4, 5, 6, 7 or 12 others"),
        ({"contains": {"type": "string"}}, [1], "what the document describes"),
        (False, 1, "nothing"),
    ],
)
def test_each_rule_is_told_in_words(schema: Any, value: Any, expected: Any) -> None:
    assert posted(taking(schema), value) == [f"body: expected {expected}"]


SECRET = "hunter2-hunter2"


@settings(deadline=None)
@given(st.sampled_from(["integer", "boolean", "array", "object"]), st.booleans())
def test_no_value_of_a_message_is_told(kind: Any, in_body: Any) -> None:
    if in_body:
        found = posted(taking({"properties": {"password": {"type": kind}}}), {"password": SECRET})
    else:
        document = taking({"type": kind})
        found = held(document, "POST", "/", orjson.dumps(SECRET))
    assert found
    assert SECRET not in str(found)


def test_long_texts_are_cut() -> None:
    document = taking({"pattern": "^" + "a" * 5000, "additionalProperties": False})
    (found,) = posted(document, "x")
    assert len(found) < MOST_CHARACTERS + 40
    (found,) = posted(document, {"n" * 5000: 1})
    assert len(found) < 2 * MOST_CHARACTERS + 60


def test_a_pointer_is_escaped() -> None:
    document = taking({"properties": {"a/b~c": {"type": "string"}}})
    assert posted(document, {"a/b~c": 1}) == ["body /a~1b~0c: expected type string"]


def test_an_error_is_a_member_of_the_problem_document() -> None:
    assert Unfit("body", "", "/a", "type string").describe() == {
        "in": "body",
        "pointer": "/a",
        "expected": "type string",
    }
    assert Unfit("query", "n", "", "type string").describe() == {
        "in": "query",
        "name": "n",
        "expected": "type string",
    }
