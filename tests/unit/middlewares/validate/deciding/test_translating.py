from typing import Any

import pytest

from middlewares.validate.deciding.bodies import TooDeep
from middlewares.validate.deciding.documents import Options
from tests.support.openapi import held, posted, taking


@pytest.mark.parametrize(
    ("schema", "fits", "unfit"),
    [
        ({"type": "string", "nullable": True}, [None, "x"], [1]),
        ({"type": "string", "nullable": True, "enum": ["a"]}, [None, "a"], ["b"]),
        ({"nullable": True, "allOf": [{"type": "object"}]}, [None, {}], [1]),
        ({"type": "string"}, ["x"], [None]),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, [2], [1]),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": False}, [1], [0]),
        ({"type": "integer", "maximum": 1, "exclusiveMaximum": True}, [0], [1]),
        ({"type": "array", "items": {"type": "integer"}}, [[], [1]], [["x"], {}]),
        # Keywords that 3.0 does not have.
        ({"const": 1, "patternProperties": {".": False}}, [2, {"a": 1}], []),
    ],
)
def test_schemas_of_3_0_are_read_by_its_own_rules(schema: Any, fits: Any, unfit: Any) -> None:
    document = taking(schema, "3.0.3")
    assert document.notes == []
    for value in fits:
        assert posted(document, value) == []
    for value in unfit:
        assert posted(document, value)


def test_what_stands_beside_a_reference_counts_since_3_1() -> None:
    schema = {"$ref": "#/components/schemas/Text", "maxLength": 2}
    assert posted(taking(schema, "3.0.3", Text={"type": "string"}), "abc") == []
    assert posted(taking(schema, "3.1.0", Text={"type": "string"}), "abc") == [
        "body: expected at most 2 characters"
    ]


@pytest.mark.parametrize(
    ("schema", "fits", "unfit"),
    [
        ({"type": ["string", "null"]}, [None, "x"], [1]),
        ({"exclusiveMinimum": 1}, [2], [1]),
        ({"const": {"a": 1}}, [{"a": 1}], [{"a": 2}]),
        ({"prefixItems": [{"type": "string"}], "items": False}, [["x"]], [["x", 1], [1]]),
        ({"if": {"type": "string"}, "then": {"minLength": 2}}, ["ab", 1], ["a"]),
        ({"patternProperties": {"^x-": {"type": "integer"}}}, [{"x-a": 1}], [{"x-a": "y"}]),
        ({"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 2}], [{"a": 1}]),
        (
            {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
            [{"a": 1}],
            [{"b": 1}],
        ),
        ({"not": {"type": "string"}}, [1], ["x"]),
        (True, [1], []),
        (False, [], [1]),
    ],
)
def test_schemas_of_3_1_are_those_of_json_schema(schema: Any, fits: Any, unfit: Any) -> None:
    document = taking(schema)
    assert document.notes == []
    for value in fits:
        assert posted(document, value) == []
    for value in unfit:
        assert posted(document, value)


USER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "made": {"$ref": "#/components/schemas/Made"},
    },
    "required": ["id", "name", "made"],
}


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_what_only_answers_have_is_not_required_of_a_request(version: Any) -> None:
    document = taking(USER, version, Made={"type": "string", "readOnly": True})
    assert posted(document, {"name": "x"}) == []
    assert posted(document, {"id": 1}) == ["body /name: expected a value: it is required"]
    assert posted(document, {"name": "x", "id": "y"}) == ["body /id: expected type integer"]


def test_it_is_not_required_either_where_a_branch_describes_it() -> None:
    base = {"properties": {"id": {"readOnly": True}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["id", "name"]}
    assert posted(taking(schema, Base=base), {"name": "x"}) == []


def test_a_discriminator_says_which_one_is_meant() -> None:
    pet = {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]}
    schema = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind"},
    }
    document = taking(schema, Cat=pet, Dog=pet)
    assert posted(document, {"kind": "Cat"}) == []
    assert posted(document, {})
    assert posted(taking({"oneOf": schema["oneOf"]}, Cat=pet, Dog=pet), {"kind": "Cat"}) == [
        "body: expected a value of one of 2 kinds, not of several at once"
    ]


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "a{1000}{1000}", "["])
def test_a_pattern_that_needs_more_than_linear_time_is_not_checked(pattern: Any) -> None:
    document = taking({"type": "string", "pattern": pattern, "maxLength": 3})
    assert document.notes == [f"pattern {pattern!r} is not checked: it needs more than linear time"]
    assert posted(document, "x") == []
    assert posted(document, "long") == ["body: expected at most 3 characters"]


def test_a_pattern_that_makes_others_try_for_ever_takes_no_time() -> None:
    document = taking({"type": "string", "pattern": "^(a+)+$"})
    assert posted(document, "a" * 50_000 + "!") == ["body: expected a text that matches ^(a+)+$"]


def test_formats_are_checked_where_it_is_asked_for() -> None:
    schema = {"type": "string", "format": "date-time"}
    assert posted(taking(schema), "yesterday") == []
    document = taking(schema, options=Options(formats=True))
    assert posted(document, "2026-01-01T00:00:00Z") == []
    assert posted(document, "yesterday") == ["body: expected a text of the format date-time"]


@pytest.mark.parametrize(
    ("kind", "fits", "unfit"), [("int32", 2**31 - 1, 2**31), ("int64", 2**62, 2**64 - 1)]
)
def test_the_ranges_of_integers_are_formats(kind: Any, fits: Any, unfit: Any) -> None:
    document = taking({"type": "integer", "format": kind}, options=Options(formats=True))
    assert posted(document, fits) == []
    assert posted(document, unfit)


def test_a_body_in_which_each_level_doubles_the_ways_is_not_tried() -> None:
    ref = {"$ref": "#/components/schemas/Term"}
    both = [{"properties": {"a": ref, "z": {"const": n}}} for n in (1, 2)]
    document = taking(ref, Term={"anyOf": both})
    value = {"z": 1}
    for _ in range(10):
        value = {"a": value, "z": 1}
    assert posted(document, value) == []
    for _ in range(40):
        value = {"a": value, "z": 1}
    with pytest.raises(TooDeep):
        posted(document, value)


def test_a_recursive_schema_without_alternatives_takes_any_depth() -> None:
    node = {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/Node"}}}
    document = taking(
        {"anyOf": [{"$ref": "#/components/schemas/Node"}, {"type": "null"}]}, Node=node
    )
    for depth in (200, 500):
        body = b'{"a":' * depth + b"{}" + b"}" * depth
        assert held(document, "POST", "/", body) == []


def test_numbers_keep_their_digits() -> None:
    document = taking({"type": "integer", "maximum": 18446744073709551614})
    assert posted(document, 18446744073709551614) == []
    assert posted(document, 18446744073709551615) == ["body: expected at most 18446744073709551614"]
