"""The table of "Style Examples" in OpenAPI 3.1.1, section 4.8.12.4.2, read back."""

from typing import Any

import pytest

from middlewares.validate.deciding.bodies import TooDeep
from tests.support.openapi import described, held, with_parameter

LIST = {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 3}
RGB = {
    "type": "object",
    "properties": {name: {"type": "integer"} for name in "RGB"},
    "required": ["R", "G", "B"],
}


@pytest.mark.parametrize(
    ("style", "explode", "schema", "segment"),
    [
        ("simple", False, LIST, "blue,black,brown"),
        ("simple", True, LIST, "blue,black,brown"),
        ("simple", False, RGB, "R,100,G,200,B,150"),
        ("simple", True, RGB, "R=100,G=200,B=150"),
        ("label", False, LIST, ".blue,black,brown"),
        ("label", True, LIST, ".blue.black.brown"),
        ("label", False, RGB, ".R,100,G,200,B,150"),
        ("label", True, RGB, ".R=100.G=200.B=150"),
        ("matrix", False, LIST, ";color=blue,black,brown"),
        ("matrix", True, LIST, ";color=blue;color=black;color=brown"),
        ("matrix", False, RGB, ";color=R,100,G,200,B,150"),
        ("matrix", True, RGB, ";R=100;G=200;B=150"),
        ("matrix", False, {"type": "string", "enum": ["blue"]}, ";color=blue"),
        ("label", False, {"type": "string", "enum": ["blue"]}, ".blue"),
        ("simple", False, {"type": "string", "enum": ["a/b"]}, "a%2Fb"),
    ],
)
def test_a_path_is_read_by_its_style(style: Any, explode: Any, schema: Any, segment: Any) -> None:
    asked = {"style": style, "explode": explode, "schema": schema, "required": True}
    document = with_parameter(path="/{color}", name="color", **{"in": "path"}, **asked)
    assert document.notes == []
    assert held(document, "GET", f"/{segment}") == []


@pytest.mark.parametrize(
    ("style", "explode", "schema", "query"),
    [
        ("form", False, LIST, "color=blue,black,brown"),
        ("form", True, LIST, "color=blue&color=black&x=1&color=brown"),
        ("form", False, RGB, "color=R,100,G,200,B,150"),
        ("form", True, RGB, "R=100&G=200&B=150"),
        ("spaceDelimited", False, LIST, "color=blue%20black%20brown"),
        ("spaceDelimited", False, LIST, "color=blue+black+brown"),
        ("spaceDelimited", False, RGB, "color=R%20100%20G%20200%20B%20150"),
        ("pipeDelimited", False, LIST, "color=blue%7Cblack|brown"),
        ("pipeDelimited", False, RGB, "color=R|100|G|200|B|150"),
        ("deepObject", True, RGB, "color[R]=100&color%5BG%5D=200&color[B]=150"),
    ],
)
def test_a_query_is_read_by_its_style(style: Any, explode: Any, schema: Any, query: Any) -> None:
    asked = {"style": style, "explode": explode, "schema": schema, "required": True}
    document = with_parameter(name="color", **{"in": "query"}, **asked)
    assert document.notes == []
    assert held(document, "GET", f"/?{query}") == []
    assert held(document, "GET", "/?other=1") == ["query color: expected a value: it is required"]


@pytest.mark.parametrize(
    ("kind", "texts", "wrong"),
    [
        (
            "integer",
            ["0", "-7", "12345678901234567890", "1.0"],
            ["", "x", "1.5", "007", "+1", " 1", "٣"],
        ),
        ("number", ["0", "-7.5", "1e3"], ["", "x", "1e999", ".5", "NaN", "0x1", "1_0"]),
        ("boolean", ["true", "false"], ["", "1", "yes", "True"]),
        ("string", ["", "x", "1", "true", "%C3%A4"], []),
        (["integer", "null"], ["", "null", "7"], ["x"]),
        (["string", "integer"], ["7", "x"], []),
    ],
)
@pytest.mark.parametrize("place", ["query", "path"])
def test_a_text_is_read_as_the_type_that_is_asked_for(
    kind: Any, texts: Any, wrong: Any, place: Any
) -> None:
    asked = {"name": "v", "in": place, "required": True, "schema": {"type": kind}}
    path, target = ("/", "/?v={}") if place == "query" else ("/{v}", "/{}")
    document = with_parameter(path=path, **asked)
    for text in texts:
        if text or place == "query":
            assert held(document, "GET", target.format(text)) == [], text
    for text in wrong:
        if text or place == "query":
            assert held(document, "GET", target.format(text)), text


def test_each_value_of_a_repeated_parameter_has_to_fit() -> None:
    document = with_parameter(name="n", **{"in": "query"}, schema={"type": "integer"})
    assert held(document, "GET", "/?n=1&n=2") == []
    assert held(document, "GET", "/?n=1&n=x") == ["query n: expected type integer"]
    assert held(document, "GET", "/?n=x&n=1") == ["query n: expected type integer"]


def test_an_encoded_name_is_the_same_name() -> None:
    document = with_parameter(name="n", **{"in": "query"}, schema={"type": "integer"})
    assert held(document, "GET", "/?%6E=x") == ["query n: expected type integer"]


def test_the_types_of_items_are_read_too() -> None:
    schema = {"type": "array", "items": {"type": "integer", "maximum": 5}}
    document = with_parameter(name="n", **{"in": "query"}, schema=schema)
    assert held(document, "GET", "/?n=1&n=5") == []
    assert held(document, "GET", "/?n=1&n=6") == ["query n/1: expected at most 5"]


def test_a_parameter_of_json_is_read_as_such() -> None:
    content = {"application/json": {"schema": {"type": "object", "required": ["a"]}}}
    document = with_parameter(name="f", **{"in": "query"}, content=content)
    assert held(document, "GET", "/?f=%7B%22a%22:1%7D") == []
    assert held(document, "GET", "/?f=%7B%7D") == ["query f/a: expected a value: it is required"]
    assert held(document, "GET", "/?f=%7B") == ["query f: expected JSON"]


def test_an_empty_value_is_allowed_where_the_document_says_so() -> None:
    asked = {"name": "n", "in": "query", "schema": {"type": "integer"}}
    assert held(with_parameter(**asked), "GET", "/?n=") != []
    assert held(with_parameter(**asked, allowEmptyValue=True), "GET", "/?n=") == []


def test_lists_within_objects_are_not_held() -> None:
    schema = {"type": "object", "properties": {"ids": {"type": "array"}}}
    document = with_parameter(name="f", **{"in": "query"}, style="deepObject", schema=schema)
    assert held(document, "GET", "/?f[ids]=1&f[ids]=2") == []


def test_a_header_is_a_list_where_the_document_says_so() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    document = with_parameter(name="X-Ids", **{"in": "header"}, schema=schema, required=True)
    assert held(document, "GET", "/", fields={b"x-ids": [b"1, 2", b"3"]}) == []
    assert held(document, "GET", "/", fields={b"x-ids": [b"1, x"]}) == [
        "header X-Ids/1: expected type integer"
    ]
    assert held(document, "GET", "/", fields={}) == [
        "header X-Ids: expected a value: it is required"
    ]


@pytest.mark.parametrize("name", ["Accept", "Content-Type", "Authorization", "X-Forwarded-For"])
def test_headers_that_openapi_or_the_gateway_decides_are_not_held(name: Any) -> None:
    document = with_parameter(name=name, **{"in": "header"}, schema={"enum": ["x"]}, required=True)
    assert held(document, "GET", "/", fields={}) == []


def test_a_style_that_does_not_exist_leaves_the_operation_out() -> None:
    document = with_parameter(name="n", **{"in": "query"}, style="simple", schema={})
    assert document.left_out == 1


@pytest.mark.parametrize(
    "schema", [{"type": "string", "maxLength": 1}, {"enum": ["a"]}, {"pattern": "a"}]
)
def test_bytes_that_are_no_text_are_read_as_a_sign_that_stands_for_them(schema: Any) -> None:
    asked = {"name": "v", "schema": schema, "required": True}
    document = with_parameter(path="/{v}", **{"in": "path"}, **asked)
    assert held(document, "GET", "/%ff%fe")
    document = with_parameter(**{"in": "query"}, **asked)
    assert held(document, "GET", "/?v=%ff%fe")


def test_a_parameter_of_one_value_may_not_come_without_end() -> None:
    document = with_parameter(name="n", **{"in": "query"}, schema={"type": "integer"})
    assert held(document, "GET", "/?" + "n=x&" * 20_000) == ["query n: expected at most 64 values"]


def test_no_more_faults_of_a_parameter_are_told_than_are_read() -> None:
    document = with_parameter(name="n", **{"in": "query"}, schema={"type": "integer"})
    assert len(held(document, "GET", "/?" + "n=x&" * 50) or ()) == 8


PAGE = {"type": "object", "properties": {"page": {"type": "integer"}, "size": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("parameter", "query", "faults"),
    [
        # Springdoc says of its pages that they are required, and clients leave all of them out.
        ({"schema": PAGE}, "", []),
        ({"schema": PAGE}, "page=x", ["query f/page: expected type integer"]),
        (
            {"schema": {**PAGE, "required": ["page"]}},
            "",
            ["query f: expected a value: it is required"],
        ),
        ({"schema": PAGE, "explode": False}, "", ["query f: expected a value: it is required"]),
        ({"schema": {"type": "object", "additionalProperties": {"type": "string"}}}, "a=b", []),
        ({"schema": PAGE, "style": "deepObject"}, "", []),
    ],
)
def test_an_object_without_members_is_written_as_nothing(
    parameter: Any, query: Any, faults: Any
) -> None:
    document = with_parameter(name="f", **{"in": "query"}, required=True, **parameter)
    assert held(document, "GET", f"/?{query}") == faults


@pytest.mark.parametrize("query", ["f[range][min]=1", "f[range][]=1&f[range][]=2"])
def test_what_stands_deeper_in_an_object_is_there(query: str) -> None:
    schema = {"type": "object", "properties": {"range": {}}, "required": ["range"]}
    parameter = {"style": "deepObject", "schema": schema, "required": True}
    document = with_parameter(name="f", **{"in": "query"}, **parameter)
    assert held(document, "GET", f"/?{query}") == []
    assert held(document, "GET", "/?f[other][]=1") == [
        "query f/range: expected a value: it is required"
    ]
    assert held(document, "GET", "/") == ["query f: expected a value: it is required"]


def test_a_plus_in_a_cookie_is_no_space() -> None:
    schema = {"type": "string", "pattern": "^[a-z+]+$"}
    document = with_parameter(name="c", **{"in": "cookie"}, schema=schema)
    assert held(document, "GET", "/", fields={b"cookie": [b'b=1; c="x+y"']}) == []
    assert held(document, "GET", "/", fields={b"cookie": [b"c=x%2By"]}) == []
    assert held(document, "GET", "/", fields={b"cookie": [b"c=x y"]})


def test_a_parameter_of_json_is_not_tried_in_every_way() -> None:
    ref = {"$ref": "#/paths/~1/get/x-term"}
    term = {"anyOf": [{"properties": {"a": ref}, "required": [name]} for name in "ab"]}
    content = {"application/json": {"schema": term}}
    operation = {"parameters": [{"name": "f", "in": "query", "content": content}], "x-term": term}
    document = described({"/": {"get": operation}})
    assert held(document, "GET", '/?f={"a":{"b":{}}}') == []
    value = '{"a":' * 200 + "1" + "}" * 200
    assert held(document, "GET", f"/?f={value}") == [
        "query f: expected JSON that is not nested so deeply"
    ]


def test_a_body_that_is_too_deep_does_not_hide_other_faults() -> None:
    ref = {"$ref": "#/components/schemas/Term"}
    term = {"anyOf": [{"properties": {"a": ref}, "required": [name]} for name in "ab"]}
    operation = {
        "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}],
        "requestBody": {"content": {"application/json": {"schema": ref}}},
    }
    document = described({"/": {"post": operation}}, components={"schemas": {"Term": term}})
    body = b'{"a":' * 200 + b"1" + b"}" * 200
    assert held(document, "POST", "/?n=x", body) == ["query n: expected type integer"]
    with pytest.raises(TooDeep):
        held(document, "POST", "/?n=1", body)
