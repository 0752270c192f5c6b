"""Values are found where they stand, and their bytes are left as they are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from middlewares.compose.deciding.json_spans import NotJson, members, read, text_of, value_at

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
DIGITS = "9" * 5000


@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_a_value_has_the_bytes_that_came(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read(f" \r\n{text}\t".encode()).raw == text


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 2]))
def test_the_members_of_an_object_are_those_that_it_has(
    value: dict[str, Any], indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    found = [
        (one.name, json.loads(one.written), one.value.raw) for one in members(read(text.encode()))
    ]
    assert [(name, json.loads(raw)) for name, _, raw in found] == list(value.items())
    assert [written for _, written, _ in found] == list(value)


@given(JSON, st.data())
def test_a_pointer_leads_where_it_leads_in_the_value(value: Any, data: st.DataObject) -> None:
    at, tokens = value, []
    while isinstance(at, dict | list) and at and data.draw(st.booleans()):
        token = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        at = at[token]
        tokens.append(str(token))
    found = at_once(value_at(read(json.dumps(value).encode()), tokens))
    assert found is not None
    assert json.loads(found.raw) == at


@pytest.mark.parametrize(
    ("text", "pointer", "raw"),
    [
        (f'{{"id":{DIGITS}}}', ["id"], DIGITS),
        ('{"a":1.10,"b":1e999}', ["a"], "1.10"),
        ('{"a":1.10,"b":1e999}', ["b"], "1e999"),
        (r'{"s":"\ud800\u0041"}', ["s"], r'"\ud800\u0041"'),
        ('{"a":1,"a":2}', ["a"], "2"),
        (r'{"\u0061":{"b/c":[1, 2 ]}}', ["a", "b/c"], "[1, 2 ]"),
        ("[[1],[2]]", ["1", "0"], "2"),
    ],
)
def test_nothing_is_converted(text: str, pointer: list[str], raw: str) -> None:
    found = at_once(value_at(read(text.encode()), pointer))
    assert found is not None
    assert found.raw == raw


@pytest.mark.parametrize(
    "pointer", [["b"], ["a", "0"], ["l", "1"], ["l", "-"], ["l", "01"], ["l", "9" * 30]]
)
def test_a_pointer_to_nothing_finds_nothing(pointer: list[str]) -> None:
    assert at_once(value_at(read(b'{"a":{},"l":[1]}'), pointer)) is None


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"[1,]", b'{"a":1,}', b'{"a" 1}', b"01", b"+1", b"1.", b"nul", b"'a'"),
        *(b"NaN", b"[Infinity]", b"-Infinity", b'"\x01"', b'"\\x"', b'"\\u12"', b"1 2", b"{}x"),
        *(b"\xff", b'"\xed\xa0\x80"', b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"{1:2}", b'"'),
    ],
)
def test_what_is_no_json_is_told(body: bytes) -> None:
    with pytest.raises(NotJson):
        read(body)


@pytest.mark.parametrize("levels", [5000, 1_000_000])
def test_too_many_levels_are_told(levels: int) -> None:
    with pytest.raises(NotJson, match=r"nested too deep|no value|delimiter"):
        read(b"[" * levels + b"]" * (levels - 1))
    with pytest.raises(NotJson, match=r"nested too deep|no value|Expecting"):
        read(b'{"a":' * levels)


def test_what_was_read_once_can_be_read_again_from_deeper_down() -> None:
    """CPython 3.11 counts the levels of the text and the frames of its reader together."""

    def deeper(frames: int, levels: int) -> bool:
        if frames:
            return deeper(frames - 1, levels)
        return next(iter(members(whole))).value.raw.count("[") == levels

    fits = 0
    for levels in range(1, 1200, 7):
        try:
            whole = read(b'{"a":' + b"[" * levels + b"]" * levels + b"}")
        except NotJson:
            break
        assert deeper(20, levels)
        fits = levels
    assert fits > 500


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"a\\u00e9"', "aé"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("false", "false"),
        ("null", None),
        ("{}", None),
        ("[1]", None),
        (r'"\ud800"', None),
        (r'"\ud83d\ude00"', "😀"),
    ],
)
def test_a_value_as_text(value: str, text: str | None) -> None:
    assert text_of(read(value.encode())) == text


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("[" + ",".join(str(number) for number in range(50_000)) + "]", "49999"),
        ("{" + ",".join(f'"{number}":{number}' for number in range(50_000)) + "}", "49999"),
    ],
)
def test_a_value_far_behind_is_found_in_short_steps(text: str, last: str) -> None:
    value = read(text.encode())
    assert len(list(value_at(value, [last]))) > 50
    found = at_once(value_at(value, [last]))
    assert found is not None
    assert found.raw == last
