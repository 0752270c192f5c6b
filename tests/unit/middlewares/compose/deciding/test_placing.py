"""Values get their places, and keep their bytes there."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from middlewares.compose.deciding.json_spans import NotJson, read
from middlewares.compose.deciding.placing import Placed, put_together
from tests.unit.middlewares.compose.deciding.test_json_spans import JSON

NAMES = st.sampled_from(["a", "b", 'c"', "é"])


def together(*parts: tuple[str, str]) -> str:
    return at_once(
        put_together(
            Placed([one for one in into.split("/") if one], read(text.encode()))
            for into, text in parts
        )
    )


def test_values_are_members_in_their_order_with_their_bytes() -> None:
    assert together(("user", ' {"id" : 1.0}'), ("orders", '[ 1e5,"\\u00e9" ]\n')) == (
        '{"user":{"id" : 1.0},"orders":[ 1e5,"\\u00e9" ]}'
    )


def test_nothing_is_an_empty_object() -> None:
    assert together() == "{}"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        # Among the members of the body.
        ([("", '{"a":1.0, "b": [ ]}'), ("c", "2")], '{"a":1.0,"b":[ ],"c":2}'),
        # The last of a name counts, where the first stands.
        ([("", '{"a":1,"b":2}'), ("", '{"a":3,"c":4}')], '{"a":3,"b":2,"c":4}'),
        ([("", '{"a":1,"a":2,"b":3}'), ("c", "4")], '{"a":2,"b":3,"c":4}'),
        # Names are the same by what they say, and stay as the first was written.
        ([("", r'{"\u0061":1}'), ("", '{"a":2}')], r'{"\u0061":2}'),
        # Into another part.
        ([("user", '{"id":1}'), ("user/orders", "[]")], '{"user":{"id":1,"orders":[]}}'),
        ([("user/orders", "[]"), ("user", '{"id":1}')], '{"user":{"orders":[],"id":1}}'),
        # What is no object gives way to what comes later.
        ([("user", "[1]"), ("user/orders", "[]")], '{"user":{"orders":[]}}'),
        ([("user/orders", "[]"), ("user", "null")], '{"user":null}'),
        ([("", "[1]")], "[1]"),
        ([("", "[1]"), ("a", "1")], '{"a":1}'),
        ([("", "{}"), ("", "{ }")], "{}"),
        # What merges two objects goes one level deep.
        ([("", '{"a":{"x":1}}'), ("", '{"a":{"y":2}}')], '{"a":{"y":2}}'),
        ([('q"/é', "1")], '{"q\\"":{"é":1}}'),
    ],
)
def test_places(parts: list[tuple[str, str]], text: str) -> None:
    assert together(*parts) == text


def model(parts: list[tuple[list[str], Any]]) -> Any:
    """The same with values in place of texts."""
    root: list[Any] = [{}]
    for into, value in parts:
        holder: Any = root
        key: Any = 0
        for name in into:
            if not isinstance(holder[key], dict):
                holder[key] = {}
            holder = holder[key]
            holder.setdefault(name, {})
            key = name
        if isinstance(value, dict) and isinstance(holder[key], dict):
            holder[key].update(json.loads(json.dumps(value)))
        else:
            holder[key] = json.loads(json.dumps(value))
    return root[0]


@given(
    st.lists(
        st.tuples(st.lists(NAMES, max_size=3), JSON | st.dictionaries(NAMES, JSON)), max_size=5
    )
)
def test_the_text_says_what_the_values_say(parts: list[tuple[list[str], Any]]) -> None:
    placed = [Placed(into, read(json.dumps(value).encode())) for into, value in parts]
    text = at_once(put_together(placed))
    made, wanted = json.loads(text), model(parts)
    assert made == wanted
    assert json.dumps(made) == json.dumps(wanted)  # in this order


ODD = st.sampled_from(
    [
        *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\n", b"1", b"-", b"e9", b".5"),
        *(b"null", b"true", b'"a"', b'"\\ud800"', b"\xc3\xa9", b"\xff", b"9" * 400, b"[" * 400),
        *(b'{"a":', b'{"a":1,"a":2}', b'"\\u0061"', b"\xed\xa0\x80", b"\0", b"NaN"),
    ]
)


@given(st.lists(st.lists(ODD, max_size=8).map(b"".join) | st.binary(max_size=20), max_size=3))
def test_whatever_services_answer_the_text_is_json_or_they_are_refused(bodies: list[bytes]) -> None:
    values = []
    for body in bodies:
        with suppress(NotJson):
            values.append(read(body))
    text = at_once(put_together(Placed([], value) for value in values))
    read(text.encode())
    if len(values) == 1:
        assert text == values[0].raw


LARGE = "{" + ",".join(f'"{number}":{{"a":{number}}}' for number in range(40_000)) + "}"


def test_large_values_are_put_together_in_short_steps() -> None:
    parts = [Placed([], read(LARGE.encode())), Placed(["39999"], read(b'{"b":1}'))]
    steps = put_together([*parts, Placed([], read(LARGE.encode()))])
    assert len(list(steps)) > 40_000 * 3 / 1_000
    assert len(at_once(put_together(parts))) == len(LARGE) + len(',"b":1')
