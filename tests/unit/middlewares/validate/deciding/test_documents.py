import json
from typing import Annotated, Any, Literal

import orjson
import pytest
from fastapi import Cookie, FastAPI, Header, Query
from pydantic import BaseModel, Field

from discovery.base.steps import at_once
from middlewares.validate.deciding.documents import (
    MOST_BYTES,
    MOST_OPERATIONS,
    Refused,
    compiling,
    read_document,
)
from tests.support.openapi import described, held, taking

app = FastAPI()


class Item(BaseModel):
    sku: str = Field(pattern="^[A-Z0-9-]+$")
    price: float = Field(ge=0)


class Order(BaseModel, extra="forbid"):
    id: str
    note: str | None = None
    items: list[Item]
    kind: Literal["a", "b"] = "a"
    parent: "Order | None" = None


@app.post("/orders")
def make(
    order: Order,
    limit: Annotated[int, Query(ge=1, le=10)] = 5,
    tags: Annotated[list[str] | None, Query()] = None,
    x_plan: Annotated[Literal["gold", "tin"] | None, Header()] = None,
) -> None: ...


@app.get("/orders/latest")
def latest() -> None: ...


@app.get("/orders/{order_id}")
def show(
    order_id: int, full: bool = False, sid: Annotated[int | None, Cookie()] = None
) -> None: ...


@pytest.fixture(scope="module")
def document() -> Any:
    return at_once(compiling(read_document(orjson.dumps(app.openapi()))))


GOOD = {"id": "x", "items": [{"sku": "A-1", "price": 2}]}


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("/orders", GOOD),
        ("/orders?limit=3&tags=a&tags=b", GOOD),
        ("/orders", {**GOOD, "note": None, "parent": GOOD}),
    ],
)
def test_what_fastapi_takes_fits_its_document(document: Any, target: Any, value: Any) -> None:
    assert held(document, "POST", target, json.dumps(value).encode()) == []


@pytest.mark.parametrize(
    ("method", "target", "value", "unfit"),
    [
        ("GET", "/orders/seven", None, "path order_id: expected type integer"),
        ("GET", "/orders/7?full=maybe", None, "query full: expected type boolean"),
        ("POST", "/orders?limit=11", GOOD, "query limit: expected at most 10"),
        ("POST", "/orders", {**GOOD, "id": 1}, "body /id: expected type string"),
        ("POST", "/orders", {**GOOD, "more": 1}, "body /more: expected no member of this name"),
        ("POST", "/orders", {**GOOD, "kind": "c"}, 'body /kind: expected one of "a", "b"'),
        ("POST", "/orders", {**GOOD, "note": 1}, "body /note: expected type string or null"),
        ("POST", "/orders", {"id": "x"}, "body /items: expected a value: it is required"),
        (
            "POST",
            "/orders",
            {**GOOD, "parent": {**GOOD, "items": [{"sku": "a", "price": 1}]}},
            "body /parent/items/0/sku: expected a text that matches ^[A-Z0-9-]+$",
        ),
        ("POST", "/orders", None, "body: expected a body: it is required"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(
    document: Any, method: str, target: str, value: Any, unfit: str
) -> None:
    body = None if value is None else orjson.dumps(value)
    assert held(document, method, target, body) == [unfit]


def test_headers_and_cookies_are_held_too(document: Any) -> None:
    fields = {b"cookie": [b"theme=dark; sid=x"]}
    assert held(document, "GET", "/orders/7", fields=fields) == [
        "cookie sid: expected type integer or null"
    ]
    fields = {b"x-plan": [b"iron"], b"content-type": [b"application/json; charset=utf-8"]}
    assert held(document, "POST", "/orders", orjson.dumps(GOOD), fields) == [
        'header x-plan: expected one of "gold", "tin"'
    ]


def test_a_literal_path_goes_before_a_template(document: Any) -> None:
    assert held(document, "GET", "/orders/latest") == []


def test_a_head_is_held_against_the_get(document: Any) -> None:
    assert held(document, "HEAD", "/orders/seven") == ["path order_id: expected type integer"]


def test_another_method_or_path_is_unknown(document: Any) -> None:
    assert held(document, "PUT", "/orders/7") is None
    assert held(document, "GET", "/nowhere") is None


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ([b"text/plain"], ["header Content-Type: expected one of application/json"]),
        (
            [b"application/json", b"text/plain"],
            ["header Content-Type: expected one of application/json"],
        ),
        ([], []),
        ([b'Application/JSON ; charset="utf-8"'], []),
    ],
)
def test_the_content_type_has_to_be_one_that_is_described(
    document: Any, content_type: Any, expected: Any
) -> None:
    fields = {b"content-type": content_type} if content_type else {}
    assert held(document, "POST", "/orders", orjson.dumps(GOOD), fields) == expected


def test_a_type_that_is_not_json_is_not_read() -> None:
    content = {"multipart/form-data": {"schema": {"type": "object", "required": ["file"]}}}
    document = described({"/": {"post": {"requestBody": {"content": content}}}})
    fields = {b"content-type": [b"multipart/form-data; boundary=x"]}
    assert held(document, "POST", "/", b"--x--", fields) == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"openapi: 3.1.0", "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b'{"swagger": "2.0"}', "it is Swagger 2.0"),
        (b'{"openapi": 3.1}', "it has no `openapi` of 3.0 or 3.1"),
        (b'{"openapi": "4.0.0"}', "it has no `openapi` of 3.0 or 3.1"),
        (b'{"openapi": "3.1.0", "paths": []}', "its `paths` are not an object"),
        (b" " * (MOST_BYTES + 1), f"it has more than {MOST_BYTES} bytes"),
        (b"[" * 100_000, "it is not JSON"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(data: Any, why: Any) -> None:
    with pytest.raises(Refused, match=why):
        read_document(data)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$ref": "other.json#/A"}, "in another document, which is not fetched"),
        ({"$ref": "http://127.0.0.1:1/A"}, "in another document, which is not fetched"),
        ({"$ref": "#/components/schemas/Gone"}, "leads nowhere"),
        ({"$ref": "#name"}, "only JSON pointers"),
        ({"$ref": 7}, "in another document"),
        ({"$id": "http://x/y", "type": "object"}, "a schema with $id is not read"),
        ({"$dynamicRef": "#x"}, "is not read"),
        ({"type": "objekt"}, "a schema is not valid"),
        ({"properties": []}, "properties is not an object"),
        ({"anyOf": {}}, "anyOf is not a list"),
        ({"items": 3}, "a schema is not an object"),
        ({"patternProperties": {"(?=a)b": {}}}, "can't be matched in linear time"),
    ],
)
def test_an_operation_that_cannot_be_read_is_left_out_with_the_reason(
    schema: Any, why: Any
) -> None:
    document = taking(schema)
    assert (document.operations, document.left_out) == (0, 1)
    note = document.notes[0]
    assert note.startswith("POST / is left out: ")
    assert why in note


def test_the_other_operations_are_used_all_the_same() -> None:
    bad = {"post": {"requestBody": {"$ref": "other.yaml"}}}
    document = described({"/bad": bad, "/good": {"get": {}}})
    assert held(document, "POST", "/bad", b"{}") is None
    assert held(document, "GET", "/good") == []


def test_more_operations_than_allowed_are_left_out() -> None:
    document = described({f"/{i}": {"get": {}} for i in range(MOST_OPERATIONS + 3)})
    assert document.operations == MOST_OPERATIONS
    assert "only the first" in document.notes[0]


def test_schemas_that_stand_in_each_other_too_deeply_are_left_out() -> None:
    schema = {"type": "integer"}
    for _ in range(100):
        schema = {"type": "array", "items": schema}
    assert "stand in each other" in taking(schema).notes[0]


def test_schemas_without_number_are_left_out() -> None:
    schema = {"properties": {str(i): {"type": "string"} for i in range(5000)}}
    assert "its schemas are more than" in taking(schema).notes[0]


def test_a_circle_of_references_is_read() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    document = taking({"$ref": "#/components/schemas/Node"}, Node=node)
    assert held(document, "POST", "/", b'{"next": {"next": {}}}') == []
    assert held(document, "POST", "/", b'{"next": {"next": 1}}') == [
        "body /next/next: expected type object"
    ]


def test_a_circle_of_nothing_but_references_is_read() -> None:
    schemas = {"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}}
    document = taking({"$ref": "#/components/schemas/A"}, **schemas)
    assert held(document, "POST", "/", b"1") == []


@pytest.mark.parametrize(
    ("servers", "url", "path"),
    [
        ([{"url": "/v1"}], "", "/v1/things"),
        ([{"url": "https://api.example.com/v1/"}], "", "/v1/things"),
        ([{"url": "/v1"}], "", "/things"),
        ([{"url": "v1"}], "http://h:1/docs/openapi.json", "/docs/v1/things"),
        ([{"url": "/{at}", "variables": {"at": {"default": "v2"}}}], "", "/v2/things"),
        ([{"url": "http://[bad"}, 3, {}], "", "/things"),
    ],
)
def test_paths_stand_below_those_of_the_servers_or_by_themselves(
    servers: Any, url: Any, path: Any
) -> None:
    document = described({"/things": {"get": {}}}, url=url, servers=servers)
    assert held(document, "GET", path) == []


def test_the_path_of_a_server_ends_at_a_segment() -> None:
    document = described({"/things": {"get": {}}}, servers=[{"url": "/v1"}])
    assert held(document, "GET", "/v12/things") is None


def test_parameters_of_the_path_hold_unless_the_operation_has_its_own() -> None:
    item = {
        "parameters": [
            {"name": "n", "in": "query", "schema": {"type": "integer"}},
            {"$ref": "#/components/parameters/Page"},
        ],
        "get": {"parameters": [{"name": "n", "in": "query", "schema": {"type": "boolean"}}]},
    }
    page = {"name": "page", "in": "query", "required": True, "schema": {"type": "integer"}}
    document = described({"/": item}, components={"parameters": {"Page": page}})
    assert held(document, "GET", "/?n=true&page=1") == []
    assert held(document, "GET", "/?n=1") == [
        "query n: expected type boolean",
        "query page: expected a value: it is required",
    ]


@pytest.mark.parametrize("junk", [None, 3, [], "x", {"parameters": 3}, {"parameters": [3]}])
def test_an_operation_that_is_none_is_left_out(junk: Any) -> None:
    document = described({"/": {"get": junk}, "/a": junk, "b": {}})
    assert document.left_out == (2 if not isinstance(junk, dict) else 1)


def test_parameters_side_by_side_are_left_out() -> None:
    assert "stand side by side" in described({"/{a}{b}x": {"get": {}}}).notes[0]


def test_operations_that_need_too_many_schemas_together_are_left_out() -> None:
    schema = {"properties": {str(i): {"type": "string"} for i in range(3500)}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Large"}}}
    paths = {f"/{i}": {"post": {"requestBody": {"content": content}}} for i in range(40)}
    document = described(paths, components={"schemas": {"Large": schema}})
    assert 10 < document.operations < 20
    assert "have 50000 schemas already" in document.notes[0]
