"""JSON as trees that keep order, duplicate names and the spelling of numbers; and the rules done on them, simply."""

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

from middlewares.transform.bodies.deciding.pointers import EVERY, Pointer, index_of
from middlewares.transform.bodies.deciding.rules import Keep, Remove, Rename, Rule, Set, Wrap


class Obj(list[tuple[str, Any]]):
    """The members of an object, in their order."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Obj) and list.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment]


class Number(str):
    """A number as it is written."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str.__eq__(self, other)

    __hash__ = str.__hash__


def parsed(text: bytes | str) -> Any:
    """Read JSON as RFC 8259 has it."""

    def refuse(name: str) -> Any:
        raise ValueError(name)

    return json.loads(
        text.decode("utf-8-sig") if isinstance(text, bytes) else text,
        object_pairs_hook=Obj,
        parse_int=Number,
        parse_float=Number,
        parse_constant=refuse,
    )


def rendered(tree: Any, random: Random) -> str:
    """Write a tree with random space and random escapes."""

    def space() -> str:
        return random.choice(["", "", "", " ", "\n  ", "\t", "\r\n"])

    def string(text: str) -> str:
        written = "".join(
            f"\\u{ord(one):04x}"
            if "\ud800" <= one <= "\udfff" or (ord(one) < 0xFFFF and random.random() < 0.1)
            else json.dumps(one, ensure_ascii=False)[1:-1]
            for one in text
        )
        return f'"{written}"'

    def write(one: Any) -> str:
        if isinstance(one, Obj):
            members = (f"{string(name)}{space()}:{space()}{write(value)}" for name, value in one)
            return "{" + space() + f"{space()},{space()}".join(members) + space() + "}"
        if isinstance(one, list):
            return "[" + space() + f"{space()},{space()}".join(map(write, one)) + space() + "]"
        if isinstance(one, Number):
            return str(one)
        return string(one) if isinstance(one, str) else json.dumps(one)

    return space() + write(tree) + space()


NAMES = st.sampled_from(["a", "b", "c", "0", "1", "-", "é", "x y", 'q"', "~/"])
TOKENS = st.one_of(NAMES, st.just(EVERY), st.sampled_from(["2", "3"]))
POINTERS = st.lists(TOKENS, min_size=1, max_size=3).map(tuple)
NUMBERS = st.sampled_from(["0", "-0", "1.0", "1e400", "-12.50E+3", "9" * 1000, "0.1"]).map(Number)
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=5), st.just("\ud800"), st.just("é😀")
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(st.tuples(NAMES, inner), max_size=5).map(Obj)
    ),
    max_leaves=25,
)


def changed(tree: Any, rule: Rule) -> Any:
    """The tree after a rule, by the simplest means."""
    if isinstance(rule, Remove):
        return _removed(tree, rule.pointers)
    if isinstance(rule, Keep):
        return _kept(tree, rule.pointers)
    if isinstance(rule, Rename):
        return _renamed(tree, rule.pointer, rule.name)
    if isinstance(rule, Set):
        (text,) = rule.value.pieces
        return _set(tree, rule.pointer, parsed(str(text)))
    assert isinstance(rule, Wrap)
    for name in reversed(rule.names):
        tree = Obj([(name, tree)])
    return tree


def _below(pointers: tuple[Pointer, ...], token: str, *, in_array: bool) -> tuple[Pointer, ...]:
    """What is left of those pointers that lead into this member or item."""
    return tuple(
        one[1:]
        for one in pointers
        if one and (one[0] == EVERY or (one[0] == token and not (in_array and one[0] == "-")))
    )


def _removed(tree: Any, pointers: tuple[Pointer, ...]) -> Any:
    return _each(tree, pointers, lambda below: () in below, _removed, lambda one: one)


def _kept(tree: Any, pointers: tuple[Pointer, ...]) -> Any:
    if () in pointers:
        return tree
    if not isinstance(tree, list):
        return None
    made = _GONE

    def goes(below: tuple[Pointer, ...]) -> bool:
        return not below

    def inner(value: Any, below: tuple[Pointer, ...]) -> Any:
        if () in below:
            return value
        return _kept(value, below) if isinstance(value, list) else made

    return _each(tree, pointers, goes, inner, lambda one: one)


_GONE = object()


def _each(tree: Any, pointers: tuple[Pointer, ...], goes: Any, inner: Any, same: Any) -> Any:
    if isinstance(tree, Obj):
        members = []
        for name, value in tree:
            below = _below(pointers, name, in_array=False)
            if not goes(below) and (made := inner(value, below)) is not _GONE:
                members.append((name, made))
        return Obj(members)
    if isinstance(tree, list):
        items = []
        for index, value in enumerate(tree):
            below = _below(pointers, str(index), in_array=True)
            if not goes(below) and (made := inner(value, below)) is not _GONE:
                items.append(made)
        return items
    return same(tree)


def _renamed(tree: Any, pointer: Pointer, name: str) -> Any:
    token, rest = pointer[0], pointer[1:]
    if isinstance(tree, Obj):
        if not rest:
            there = any(one == token for one, _ in tree)
            return Obj(
                (name if one == token else one, value)
                for one, value in tree
                if not (there and one == name)
            )
        return Obj(
            (one, _renamed(value, rest, name) if token in (one, EVERY) else value)
            for one, value in tree
        )
    if isinstance(tree, list) and rest:
        return [
            _renamed(one, rest, name) if token in (str(index), EVERY) else one
            for index, one in enumerate(tree)
        ]
    return tree


def _set(tree: Any, pointer: Pointer, value: Any) -> Any:
    if not pointer:
        return value
    token, rest = pointer[0], pointer[1:]
    if isinstance(tree, Obj):
        made = Obj(
            (name, _set(one, rest, value) if token in (name, EVERY) else one) for name, one in tree
        )
        if token != EVERY and all(name != token for name, _ in tree):
            new = _made(rest, value)
            if new is not _GONE:
                made.append((token, new))
        return made
    if isinstance(tree, list):
        items = [
            _set(one, rest, value) if token in (str(index), EVERY) else one
            for index, one in enumerate(tree)
        ]
        if token == "-" or index_of(token) == len(tree):
            new = _made(rest, value)
            if new is not _GONE:
                items.append(new)
        return items
    return tree


def _made(rest: Pointer, value: Any) -> Any:
    if EVERY in rest:
        return _GONE
    for token in reversed(rest):
        value = Obj([(token, value)])
    return value
