"""Any bytes and any structure: no traceback, and every mistake stands in the file."""

import json
from typing import Any

import hypothesis.strategies as st
from hypothesis import example, given
from jsonschema import Draft202012Validator

from gateway.config.file.decoding import end_of
from gateway.config.file.loading import Read, read_bytes
from gateway.config.file.schema import annotated_schema, json_schema
from middlewares.routing.matching.match import parse_path, parse_prefix
from tests.support.documents import ROOT

EXAMPLE = (ROOT / "docs/examples/lockgate.yaml").read_bytes()
SCHEMA = annotated_schema()
VALIDATOR = Draft202012Validator(json_schema())

_TEXTS = (
    *("", "/", "/a", "/{id}", "/{rest}", "/a;b", "GET", "get", "a.com", "*.a.com", "10.0.0.0/8"),
    *(
        "https://a.example",
        "http://a:1",
        "1s",
        "250ms",
        "0",
        "1KiB",
        "default",
        "client",
        "200-299",
    ),
    *("*", "yes", "null", "as_is", "{", "}", "%", "a b", "x-a", "X-A", "\n", "\0", "é", "'", '"'),
    *(": ", "# ", "&a", "*a", "!!str"),
)
JUNK = st.one_of(
    st.sampled_from(
        [None, True, False, 0, 1, -1, 204, 301, 1.5, 1e300, 2**70, [], {}, [[]], *_TEXTS]
    ),
    st.text(max_size=5),
)


def shaped(schema: dict[str, Any], *, junk: bool) -> st.SearchStrategy[Any]:
    """Values that have the schema's shape; with `junk`, now and then something else."""

    def part(one: dict[str, Any]) -> st.SearchStrategy[Any]:
        return shaped(one, junk=junk)

    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        right = st.deferred(lambda: part(SCHEMA["$defs"][name]))
    elif kinds := schema.get("anyOf") or schema.get("oneOf"):
        right = st.one_of(*map(part, kinds))
    elif "properties" in schema:
        keys = {key: part(one) for key, one in schema["properties"].items()}
        required = schema.get("required", [])
        right = st.fixed_dictionaries(
            {key: keys.pop(key) for key in required},
            optional=keys | ({"tiemouts": JUNK} if junk else {}),
        )
    elif "patternProperties" in schema:
        (one,) = schema["patternProperties"].values()
        right = st.dictionaries(
            st.sampled_from(["default", "a", *(["A b"] if junk else [])]), part(one), max_size=2
        )
    elif isinstance(one := schema.get("additionalProperties"), dict):
        right = st.dictionaries(
            st.sampled_from(["default", "a", *(["A", ""] if junk else [])]), part(one), max_size=2
        )
    elif "items" in schema:
        right = st.lists(part(schema["items"]), max_size=2)
    elif "enum" in schema:
        right = st.sampled_from(schema["enum"])
    else:
        right = st.sampled_from(_TEXTS)
    examples = st.sampled_from(schema["examples"]) if "examples" in schema else right
    if not junk:
        has_sections = "properties" in schema or "$ref" in json.dumps(schema)
        return st.one_of(examples, right) if has_sections else examples
    return st.one_of(examples, right, right, JUNK)


def check(data: bytes) -> Read:
    read = read_bytes(data)
    assert (read.configuration is None) == bool(read.errors)
    assert list(read.mistakes) == sorted(read.mistakes)
    lines = data.decode("utf-8", "replace")
    end = end_of(lines)
    for mistake in read.mistakes:
        assert (1, 1) <= mistake.position <= end
        assert len(mistake.line("f").splitlines()) == 1
        assert mistake.message
    return read


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    check(data)


@given(st.text(alphabet="ab: \n-[]{},&*!|>'\"%@`#?\t\r~0.<=\\/", max_size=60))
def test_any_text_of_yaml_is_read_or_told(text: str) -> None:
    check(text.encode())


@given(
    st.integers(0, len(EXAMPLE)),
    st.integers(0, 30),
    st.sampled_from([b"", *map(str.encode, _TEXTS)]),
)
def test_the_example_with_a_piece_replaced_is_read_or_told(
    at: int, length: int, piece: bytes
) -> None:
    check(EXAMPLE[:at] + piece + EXAMPLE[at + length :])


@given(st.text(alphabet="/a{}id_%2Fe5C.;*\\ ~é\t", max_size=12))
@example("{id}/{id_2}/")
@example("%7Bid%7D")
def test_the_matcher_takes_every_path_that_a_file_may_have(rest: str) -> None:
    for key, parse in (("path", parse_path), ("prefix", parse_prefix)):
        route = {"name": "a", "match": {key: f"/{rest}"}, "service": "b"}
        read = check(json.dumps({"routes": [route]}).encode())
        if read.configuration is not None:
            begins = read.configuration.routes[0].match.begins
            shape = parse(str(begins))
            assert tuple(name for name, _ in shape.names) == begins.names
            assert len([one for one in shape.segments if one != ""]) == len(begins.segments)


@given(shaped(SCHEMA, junk=True))
def test_any_structure_is_read_or_told(value: Any) -> None:
    check(json.dumps(value, ensure_ascii=False).encode())


@given(shaped(SCHEMA, junk=False))
@example({"routes": [{"name": "a", "match": {}, "service": "b", "timeouts": {"head": None}}]})
def test_the_schema_takes_whatever_the_models_take(value: Any) -> None:
    if check(json.dumps(value).encode()).configuration is not None:
        assert [error.message for error in VALIDATOR.iter_errors(value)] == []
