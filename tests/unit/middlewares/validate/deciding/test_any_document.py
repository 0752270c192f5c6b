"""Whatever a document says, it is read or refused, and requests get an answer."""

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from discovery.base.steps import at_once
from middlewares.validate.deciding.bodies import TooDeep
from middlewares.validate.deciding.documents import Options, compiling, read_document
from middlewares.validate.deciding.operations import Asked

KEYS = st.sampled_from(
    [
        *("type", "properties", "items", "$ref", "allOf", "anyOf", "oneOf", "not", "enum", "const"),
        *("required", "additionalProperties", "nullable", "discriminator", "readOnly", "pattern"),
        *("minimum", "maxLength", "prefixItems", "if", "then", "patternProperties", "$defs", "$id"),
        *("format", "uniqueItems", "contains", "dependentSchemas", "unevaluatedProperties", "a"),
        *("in", "name", "schema", "content", "application/json", "style", "explode", "example"),
    ]
)
WORDS = st.sampled_from(
    [
        *("string", "integer", "object", "array", "null", "query", "path", "header", "cookie", "a"),
        *("#/components/schemas/A", "#/components/schemas/B", "#", "#/paths", "x.json", "^(a+)+$"),
        *("form", "deepObject", "simple", "label", "date-time", "int32", "", "id", "Ä", "\x00"),
    ]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
PARAMETERS = st.lists(
    st.fixed_dictionaries(
        {"name": WORDS, "in": st.sampled_from(["query", "path", "header", "cookie"])},
        optional={"schema": JUNK, "style": WORDS, "explode": JUNK, "required": st.booleans()},
    )
    | JUNK,
    max_size=3,
)
CONTENT = st.fixed_dictionaries({"content": st.just({}) | st.dictionaries(KEYS, JUNK)}) | JUNK
OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "parameters": PARAMETERS | JUNK,
        "requestBody": st.builds(
            lambda schema: {"required": True, "content": {"application/json": {"schema": schema}}},
            JUNK,
        )
        | CONTENT,
        "responses": st.dictionaries(st.sampled_from(["200", "4XX", "default"]), CONTENT) | JUNK,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "openapi": st.sampled_from(["3.0.3", "3.1.0", "3.9"]),
        "paths": st.dictionaries(
            st.sampled_from(["/", "/{id}", "/a/{id}.{a}", "/{", "//", "/{id}/{id}"]),
            st.fixed_dictionaries({}, optional={"get": OPERATIONS, "post": OPERATIONS}) | JUNK,
            max_size=3,
        ),
        "components": st.fixed_dictionaries(
            {"schemas": st.fixed_dictionaries({"A": JUNK, "B": JUNK})}
        ),
    },
    optional={"servers": JUNK},
)
TEXTS = st.sampled_from(
    ["/", "/a", "/a/b.c", "/%zz", "/%ff?a=%ff&id=%ff", "/;a=1", "/.1,2", "//", "/a/b/c?a=1&id=x"]
)
BODIES = st.sampled_from(
    [b"", b"1", b"{}", b'{"a": {"a": [1, null, "x"]}}', b"[[[]]]", b"\xff", b'{"a": 1, "a": 2}']
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS, st.lists(st.tuples(TEXTS, BODIES), max_size=5), st.booleans())
def test_nothing_breaks(document: Any, requests: list[tuple[str, bytes]], formats: bool) -> None:
    try:
        data = orjson.dumps(document)
    except TypeError:  # a number of more than 64 bits
        return
    compiled = at_once(compiling(read_document(data), "http://h/x.json", Options(formats, True)))
    fields = {b"content-type": [b"application/json"], b"cookie": [b"a=1; id"], b"a": [b"1, 2"]}
    for method in ("GET", "POST", "HEAD"):
        for target, body in requests:
            path, _, query = target.partition("?")
            match = compiled.find(method, path)
            if match is None:
                continue
            asked = Asked(query, lambda name: fields.get(name, []), body, bool(body))
            try:
                found = match.operation.check(asked, match.values)
            except TooDeep:
                continue
            for one in found:
                orjson.dumps(one.describe())
            match.operation.answer_of(200)
