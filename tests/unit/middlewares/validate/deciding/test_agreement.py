"""A body fits here if and only if another validator of JSON Schema takes it."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.openapi import posted, taking

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, "", "a", "ab", "ä"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
SMALL = st.integers(0, 2)

LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "multipleOf": st.sampled_from([2, 0.5]),
        "minLength": SMALL,
        "maxLength": SMALL,
        "pattern": st.sampled_from(["^a", "b$", "^[ab]*$"]),
        "minItems": SMALL,
        "maxItems": SMALL,
        "minProperties": SMALL,
        "maxProperties": SMALL,
        "required": st.lists(NAMES, max_size=2, unique=True),
        "enum": st.lists(SCALARS, min_size=1, max_size=3),
        "const": SCALARS,
    },
)
REFERENCE = st.just({"$ref": "#/components/schemas/Shared"})


def _with_parts(inner: Any) -> Any:
    named = st.dictionaries(NAMES, inner, max_size=2)
    several = st.lists(inner, min_size=1, max_size=2)
    parts = st.fixed_dictionaries(
        {},
        optional={
            "properties": named,
            "additionalProperties": inner | st.booleans(),
            "items": inner,
            "prefixItems": several,
            "contains": inner,
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "propertyNames": inner,
            "dependentSchemas": named,
            "unevaluatedProperties": st.just(False),
        },
    )
    return st.builds(lambda leaf, more: {**leaf, **more}, LEAVES, parts)


SCHEMAS = st.recursive(LEAVES | REFERENCE, _with_parts, max_leaves=5)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, LEAVES, st.lists(VALUES, min_size=1, max_size=5))
def test_another_validator_says_the_same(schema: Any, shared: Any, values: Any) -> None:
    document = taking(schema, Shared=shared)
    assert document.notes == []
    whole = {**schema, "components": {"schemas": {"Shared": shared}}}
    other = Draft202012Validator(whole)
    for value in values:
        found = posted(document, value)
        assert (found == []) == other.is_valid(orjson.loads(orjson.dumps(value))), (value, found)
