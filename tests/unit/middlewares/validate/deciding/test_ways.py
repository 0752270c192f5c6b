import json
from collections.abc import Mapping
from typing import Any

import pytest

from middlewares.validate.deciding.bodies import TooDeep
from tests.support.openapi import held, posted, taking


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def union(*names: str) -> dict[str, Any]:
    return {"oneOf": [ref(name) for name in names]}


def nested(name: str, depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {name: inner}
    return inner


def held_when_deep(schemas: Mapping[str, Any], name: str, depth: int) -> bool:
    """Whether a value with so many levels of this property is held against the first schema."""
    try:
        found = posted(taking(ref(next(iter(schemas))), **schemas), nested(name, depth, 1))
    except TooDeep:
        return False
    assert found, "the document is used, and 1 does not fit"
    return True


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_alternatives_of_alternatives_multiply() -> None:
    kinds = {name: obj(a=ref("Term")) for name in ("And", "Or", "Xor", "Not")}
    one = {"Term": union("And", "Or"), "And": kinds["And"], "Or": kinds["Or"]}
    two = {"Term": union("G", "H"), "G": union("And", "Or"), "H": union("Xor", "Not"), **kinds}
    assert held_when_deep(one, "a", 15)
    assert not held_when_deep(one, "a", 16)
    assert held_when_deep(two, "a", 8)
    assert not held_when_deep(two, "a", 9)


@pytest.mark.parametrize(
    "term",
    [
        {"anyOf": [obj(a=ref("Term")), obj(b=ref("Term")) | {"required": ["b"]}]},
        {"allOf": [ref("Base"), obj(a=ref("Term"))]},
        {"anyOf": [ref("List"), ref("Map")]},
        obj(a=ref("Term"), b={"type": "array", "items": ref("Term")}),
        obj(a=ref("Term"), b=obj(a=ref("Term"), b=ref("Term"))),
    ],
)
def test_one_way_to_each_part_takes_any_depth(term: Any) -> None:
    others = {
        "Base": {"type": "object"},
        "List": {"type": "array", "items": ref("Term")},
        "Map": {"type": "object", "additionalProperties": ref("Term")},
    }
    assert held_when_deep({"Term": term, **others}, "a", 200)


@pytest.mark.parametrize(
    "term",
    [
        {"anyOf": [ref("Map"), obj(a=ref("Term"))]},
        {"anyOf": [{"patternProperties": {"^a": ref("Term")}}, obj(a=ref("Term"))]},
        obj(a={"anyOf": [ref("Term"), obj(b=ref("Term"))]}) | {"propertyNames": ref("Term")},
        {"if": obj(a=ref("Term")), "then": obj(a=ref("Term")), "type": "object"},
    ],
)
def test_two_ways_to_one_part_are_limited(term: Any) -> None:
    more = {"Map": {"type": "object", "additionalProperties": ref("Term")}}
    assert not held_when_deep({"Term": term, **more}, "a", 200)


def test_items_that_are_contained_too_have_two_ways() -> None:
    term = {"type": "array", "items": ref("Term"), "contains": ref("Term")}
    with pytest.raises(TooDeep):
        held(taking(ref("Term"), Term=term), "POST", "/", b"[" * 100 + b"]" * 100)


@pytest.mark.parametrize("kind", ["allOf", "anyOf", "oneOf"])
def test_a_document_that_doubles_by_itself_is_left_out(kind: str) -> None:
    schemas: dict[str, Any] = {f"A{i}": {kind: [ref(f"A{i + 1}")] * 2} for i in range(60)}
    document = taking(ref("A0"), **schemas, A60={"type": "integer"})
    assert posted(document, "x") is None
    assert "against more than 2000 schemas at once" in document.notes[0]


def test_a_document_that_doubles_at_each_level_is_limited() -> None:
    schemas: dict[str, Any] = {f"A{i}": {"anyOf": [obj(a=ref(f"A{i + 1}"))] * 2} for i in range(60)}
    schemas["A60"] = {"type": "integer"}
    document = taking(ref("A0"), **schemas)
    with pytest.raises(TooDeep):
        posted(document, nested("a", 60, "x"))
    assert posted(taking(ref("A50"), **schemas), nested("a", 10, "x"))


def test_subtypes_that_name_their_base_are_read() -> None:
    kinds = [f"Pet{i}" for i in range(20)]
    schemas: dict[str, Any] = {
        name: {"allOf": [ref("Pet"), {"properties": {"n": {"type": "integer"}}}]} for name in kinds
    }
    base = {"type": "object", **union(*kinds), "discriminator": {"propertyName": "kind"}}
    for root in ("Pet", "Pet7"):
        document = taking(ref(root), Pet=base, **schemas)
        assert document.notes == []
        assert posted(document, {"n": 1}) == []
        assert posted(document, {"n": "x"})


def test_circles_that_cross_are_left_out() -> None:
    names = [f"A{i}" for i in range(7)]
    schemas = {one: {"allOf": [ref(other) for other in names if other != one]} for one in names}
    document = taking(ref("A0"), **schemas)
    assert held(document, "POST", "/", json.dumps(1).encode()) is None
    assert "in circles that cross" in document.notes[0]


def test_a_schema_with_hundreds_of_variants_is_read() -> None:
    schemas: dict[str, Any] = {
        f"V{i}": {"allOf": [ref("Base"), obj(kind={"const": i})]} for i in range(400)
    }
    document = taking(union(*schemas), **schemas, Base={"required": ["kind"]})
    assert document.notes == []
    assert posted(document, {"kind": 3}) == []
    assert posted(document, {"kind": "x"})
