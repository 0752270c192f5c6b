"""Edits of JSON: against a simple model, byte for byte, and with hostile texts."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from middlewares.transform.bodies.deciding import grammar
from middlewares.transform.bodies.deciding.editing import done, edited
from middlewares.transform.bodies.deciding.grammar import MOST_LEVELS, NotJson
from middlewares.transform.bodies.deciding.plans import steps_of
from middlewares.transform.bodies.deciding.pointers import parse_pointer
from middlewares.transform.bodies.deciding.rules import (
    JsonValue,
    Keep,
    Remove,
    Rename,
    Rule,
    Set,
    Wrap,
)
from tests.support.json_trees import NAMES, POINTERS, TREES, changed, parsed, rendered

RANDOMS = st.randoms(use_true_random=False)
RULES: st.SearchStrategy[Rule] = st.one_of(
    st.lists(POINTERS, min_size=1, max_size=3, unique=True).map(lambda one: Remove(tuple(one))),
    st.lists(POINTERS, min_size=1, max_size=3, unique=True).map(lambda one: Keep(tuple(one))),
    st.builds(Rename, st.tuples(NAMES), NAMES).filter(lambda one: one.pointer[-1] != one.name),
    st.builds(
        Rename, st.tuples(st.sampled_from(["a", "b", "*", "0"]), st.sampled_from(["a", "b"])), NAMES
    ).filter(lambda one: one.pointer[-1] != one.name),
    st.builds(
        Set,
        POINTERS,
        st.sampled_from(["1.0", '{"z": []}', "null"]).map(lambda one: JsonValue((one,))),
    ),
    st.lists(NAMES, min_size=1, max_size=2).map(lambda one: Wrap(tuple(one))),
)


@pytest.fixture(params=["at once", "in pieces"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small texts go the way of large ones too."""
    if request.param == "in pieces":
        monkeypatch.setattr(grammar, "AT_ONCE", 0)
        monkeypatch.setattr(grammar, "_TRIED", (3, 9))


def after(body: str | bytes, *rules: Rule) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    return done(edited(body, steps_of(rules), checks=True))


def told(text: str) -> Rule:
    """A rule in short: `- /a`, `+ /a 1`, `> /a b`, `= /a`, `^ /a`."""
    kind, pointer, *rest = text.split(" ", 2)
    tokens = parse_pointer(pointer)
    match kind:
        case "-":
            return Remove((tokens,))
        case "+":
            return Set(tokens, JsonValue((rest[0],)))
        case ">":
            return Rename(tokens, rest[0])
        case "=":
            return Keep((tokens,))
    return Wrap(tokens)


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    ("body", "rules", "expected"),
    [
        ('{"a": 1, "b": 2, "c": 3}', "- /a", '{"b": 2, "c": 3}'),
        ('{"a": 1, "b": 2, "c": 3}', "- /b", '{"a": 1, "c": 3}'),
        ('{"a": 1, "b": 2, "c": 3}', "- /c", '{"a": 1, "b": 2}'),
        ('{ "a" : 1 }', "- /a", "{  }"),
        ('{\n  "a": 1,\n  "b": 2\n}', "- /a", '{\n  "b": 2\n}'),
        ('{\n  "a": 1,\n  "b": 2\n}', "- /b", '{\n  "a": 1\n}'),
        ('{"a":1,"b":2,"a":{"x":[]},"a":4}', "- /a", '{"b":2}'),
        (r'{"\u0061":1,"b":2}', "- /a", '{"b":2}'),
        (r'{"\ud800":1,"b":2.50}', "- /b", r'{"\ud800":1}'),
        ('{"a":[1,2,3]}', "- /a/1", '{"a":[1,3]}'),
        ('{"a":[1,2,3]}', "- /a/*", '{"a":[]}'),
        ('{"a":[1,2,3]}', "- /a/-", '{"a":[1,2,3]}'),
        ('[{"s":1,"t":1e400},{"t":2,"s":{}},3]', "- /*/s", '[{"t":1e400},{"t":2},3]'),
        ('{"usr": 1, "b": 2}', "> /usr user", '{"user": 1, "b": 2}'),
        ('{"user":0,"usr":1,"user":3}', "> /usr user", '{"user":1}'),
        ('{"user":0}', "> /usr user", '{"user":0}'),
        ('{"usr":1,"usr":2}', "> /usr user", '{"user":1,"user":2}'),
        ('["usr"]', "> /0 user", '["usr"]'),
        ('{"a": 1}', "+ /a true", '{"a": true}'),
        ('{"a":1,"a":2}', "+ /a 3", '{"a":3,"a":3}'),
        ('{"a": 1 }', "+ /b/c 2", '{"a": 1,"b":{"c":2} }'),
        ("{}", "+ /b 2", '{"b":2}'),
        ('{"a":[1]}', "+ /a/- 2", '{"a":[1,2]}'),
        ('{"a":[1]}', "+ /a/1 2", '{"a":[1,2]}'),
        ('{"a":[1]}', "+ /a/0 2", '{"a":[2]}'),
        ('{"a":[1]}', "+ /a/7 2", '{"a":[1]}'),
        ('{"a":[]}', "+ /a/-/b 2", '{"a":[{"b":2}]}'),
        ('{"a":5}', "+ /a/b 2", '{"a":5}'),
        (' {"a":5} ', "+  1.0", " 1.0 "),
        ('{"a":{"b":1,"c":2},"d":3}', "= /a/b", '{"a":{"b":1}}'),
        ('{"a":1,"d":3}', "= /a/b", "{}"),
        ('[{"id":1,"s":2},{"s":2}]', "= /*/id", '[{"id":1},{}]'),
        ("[1,2]", "= /id", "[]"),
        ("7", "= /id", "null"),
        ("7", "- /id", "7"),
        (" [1] ", "^ /data/x", ' {"data":{"x":[1]}} '),
        ('\ufeff{"a":1,"b":2}', "- /a", '\ufeff{"b":2}'),
    ],
)  # fmt: skip
def test_what_a_rule_makes(body: str, rules: str, expected: str) -> None:
    assert after(body, told(rules)).decode() == expected


@pytest.mark.usefixtures("size")
def test_rules_are_done_in_their_order() -> None:
    body = '{"a":1,"b":2}'
    assert after(body, told("> /a b"), told("- /b")) == b"{}"
    assert after(body, told("- /b"), told("> /a b")) == b'{"b":1}'
    assert after(body, told("+ /c 3"), told("^ /d"), told("+ /e 4")) == (
        b'{"d":{"a":1,"b":2,"c":3},"e":4}'
    )
    assert after("[1,2,3]", told("- /0"), told("- /0")) == b"[3]"


def test_rules_that_do_not_meet_share_one_walk() -> None:
    assert len(steps_of([told("- /a"), told("> /b c"), told("+ /d/e 1"), told("- /d/f")])) == 1
    assert len(steps_of([told("- /a"), told("+ /a/b 1")])) == 2
    assert len(steps_of([told("- /*/x"), told("> /b x")])) == 2
    assert len(steps_of([told("- /*/x"), told("- /b/y")])) == 1


@pytest.mark.usefixtures("size")
def test_every_place_is_one_that_is_there_when_its_rule_is_done() -> None:
    assert after("{}", told("+ /a/d 1"), told("+ /*/c 2")) == b'{"a":{"d":1,"c":2}}'
    assert after("{}", told("+ /*/c 2"), told("+ /a/d 1")) == b'{"a":{"d":1}}'
    assert after("{}", told("> /a/a b"), told("+ /*/c 2")) == b"{}"
    assert after("[]", told("+ /-/a 1"), told("+ /0/a 2")) == b'[{"a":2}]'


@pytest.mark.usefixtures("size")
@given(tree=TREES, rules=st.lists(RULES, min_size=1, max_size=3), random=RANDOMS)
def test_the_same_comes_out_as_by_the_model(tree: Any, rules: list[Rule], random: Random) -> None:
    body = rendered(tree, random)
    for rule in rules:
        tree = changed(tree, rule)
    assert parsed(after(body, *rules)) == tree


@pytest.mark.usefixtures("size")
@given(tree=TREES, rules=st.lists(RULES, min_size=1, max_size=3), random=RANDOMS)
def test_what_changes_nothing_leaves_the_very_bytes(
    tree: Any, rules: list[Rule], random: Random
) -> None:
    body = rendered(tree, random).encode()
    # Each by itself: a name that is taken away and comes back is written without its escapes.
    assume(all(changed(tree, rule) == tree for rule in rules))
    assume(not any(isinstance(rule, Set | Wrap) for rule in rules))
    assert after(body, *rules) == body


@given(tree=TREES, random=RANDOMS, name=st.sampled_from(["a", "b", "é", "x y"]))
def test_the_inverse_of_a_rename_is_a_rename_back(tree: Any, random: Random, name: str) -> None:
    body = rendered(tree, random)
    # A name that is written with escapes comes back without them.
    assume("\\u" not in body)
    there = after(body, Rename((name,), "new"), Rename(("*", name), "new"))
    assert after(there, Rename(("new",), name), Rename(("*", "new"), name)) == body.encode()


@pytest.mark.usefixtures("size")
@given(
    tree=TREES,
    random=RANDOMS,
    at=st.integers(0, 200),
    by=st.sampled_from(list('{}[],:"\\0e. x\x01')),
)
def test_what_is_no_json_is_refused(tree: Any, random: Random, at: int, by: str) -> None:
    text = rendered(tree, random)
    for body in (text[:at] + by + text[at:], text[:at] + by + text[at + 1 :], text[:at]):
        try:
            parsed(body)
        except ValueError:
            with pytest.raises(NotJson):
                after(body, told("- /nothing/*/here"))
            with pytest.raises(NotJson):
                after(body, told("= /a/*/b"))
        else:
            assert after(body, told("- /nothing/*/here")) == body.encode()


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"nul", b"NaN", b"-Infinity", b"{'a':1}", b"01", b"1.", b'"\\x"', b'"\t"',
     b'{"a":1,}', b"[1,]", b"[1 2]", b'{"a" 1}', b'{"a":1]', b"[1}", b"\xff", b'"\xed\xa0\x80"',
     b"{} {}", b'{"a":"', "{}".encode("utf-16")],
)  # fmt: skip
@pytest.mark.usefixtures("size")
def test_bytes_that_are_no_json(body: bytes) -> None:
    for rule in ("- /a", "- /a/*", "= /a", "^ /data", "+ /a 1"):
        with pytest.raises(NotJson):
            after(body, told(rule))


def test_a_text_that_a_rule_can_not_touch_is_not_read() -> None:
    body = b'{"no": json'
    assert done(edited(body, steps_of([told("- /absent"), told("> /x/y z")]))) is body
    with pytest.raises(NotJson):
        after(body, told("- /absent"))


def test_a_name_with_escapes_is_found_nevertheless() -> None:
    body = rb'{"\u0061bsent":1}'
    assert done(edited(body, steps_of([told("- /absent")]))) == b"{}"


@pytest.mark.parametrize("levels", [500, 1_500, MOST_LEVELS - 5])
def test_a_text_of_many_levels_is_edited(levels: int) -> None:
    deep = "[" * levels + "1e400" + "]" * levels
    assert after(f'{{"deep":{deep},"a":1}}', told("- /a")) == f'{{"deep":{deep}}}'.encode()
    deep = '{"x":' * levels + "1.0" + "}" * levels
    assert after(f'{{"deep":{deep},"a":1}}', told("- /a")) == f'{{"deep":{deep}}}'.encode()


def test_a_text_of_too_many_levels_is_refused() -> None:
    for opening in ("[", '{"a":'):
        body = opening * (MOST_LEVELS + 10)
        with pytest.raises(NotJson, match="levels"):
            after(body, told("- /b"))


@pytest.mark.parametrize(
    "value",
    ["9" * 200_000, "-0." + "1" * 200_000, '"' + "x" * 200_000 + '"', '"' + r"\n" * 100_000 + '"',
     "[" + "1," * 100_000 + "2]", '{"x":' + "[{}]" + "".join(f',"m{one}":[[]]' for one in range(20_000)) + "}"],
    ids=["digits", "decimals", "characters", "escapes", "items", "members"],
)  # fmt: skip
def test_long_values_keep_their_bytes(value: str) -> None:
    body = f'{{"a":1,"long":{value},"b":[{value}]}}'
    assert after(body, told("- /a")) == body.replace('"a":1,', "").encode()
    assert after(body, told("- /b/*")) == f'{{"a":1,"long":{value},"b":[]}}'.encode()


def test_a_large_text_is_edited_in_many_steps() -> None:
    items = [{"id": one, "text": "x" * 50, "secret": {"s": [one, {}]}} for one in range(5_000)]
    body = json.dumps(items).encode()
    steps = edited(body, steps_of([told("- /*/secret")]))
    assert sum(1 for _ in steps) > 100


def test_values_are_made_where_objects_are_missing() -> None:
    rules = [told("+ /m/x 1"), told("+ /m/y/z 2"), told("+ /n/* 3")]
    assert after("{}", *rules) == b'{"m":{"x":1,"y":{"z":2}}}'
