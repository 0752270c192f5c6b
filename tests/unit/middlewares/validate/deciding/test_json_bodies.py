import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.validate.deciding.json_bodies import NotRead, is_deeper, read_json

NAMES = st.sampled_from(["a", "b", "a:b", '"', '":', "\\u003a", ":", "ä", "é:\\"])
SCALARS = st.none() | st.booleans() | st.integers(-10, 10) | NAMES


class Members(list[Any]):
    """An object as a list of its members, some of which may have the same name."""


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=4).map(Members)
    ),
    max_leaves=12,
)


def written(value: Any, colon: Any, escapes: Any) -> Any:
    if isinstance(value, Members):
        pairs = (
            f"{text(name, escapes)}{colon}{written(one, colon, escapes)}" for name, one in value
        )
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(one, colon, escapes) for one in value) + "]"
    return text(value, escapes) if isinstance(value, str) else json.dumps(value)


def text(value: Any, escapes: Any) -> Any:
    if escapes:
        return '"' + "".join(f"\\u{ord(one):04x}" for one in value) + '"'
    return json.dumps(value, ensure_ascii=False)


def repeats(value: Any) -> Any:
    if isinstance(value, Members):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(repeats(one) for _, one in value)
    return isinstance(value, list) and any(map(repeats, value))


@given(VALUES, st.sampled_from([":", ": ", " : ", "\n:"]), st.booleans())
def test_a_name_that_comes_twice_is_refused_however_it_is_written(
    value: Any, colon: Any, escapes: Any
) -> None:
    body = written(value, colon, escapes).encode()
    if repeats(value):
        with pytest.raises(NotRead, match="each name once"):
            read_json(body)
    else:
        assert read_json(body) == json.loads(body)


def test_an_escaped_colon_does_not_hide_a_second_member() -> None:
    with pytest.raises(NotRead, match="each name once"):
        read_json(rb'{"a":1,"a":2,"b":"\u003a"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'"\\ud800"',
        b"1e999",
        b"\xff",
        b"{'a': 1}",
        b"\xef\xbb\xbf{}",
        b"[1,]",
        b"01",
    ],
)
def test_what_is_not_json_is_refused(body: Any) -> None:
    with pytest.raises(NotRead, match=r"^JSON$"):
        read_json(body)


def test_json_that_is_nested_by_the_thousand_is_refused() -> None:
    with pytest.raises(NotRead, match="not nested so deeply"):
        read_json(b"[" * 5000 + b"]" * 5000)


@pytest.mark.parametrize(
    ("value", "depth"),
    [(1, 0), ([], 0), ([[]], 1), ({"a": {"b": [1, [2]]}}, 3), ([1, {"a": 1}], 1)],
)
def test_a_value_is_as_deep_as_its_deepest_part(value: Any, depth: Any) -> None:
    assert not is_deeper(value, depth)
    assert depth == 0 or is_deeper(value, depth - 1)
