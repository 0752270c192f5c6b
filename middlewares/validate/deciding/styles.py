"""Where the values of a parameter stand, by its `style` and `explode` (OpenAPI, "Style Values")."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

#: The parts of a value: a text, a list of texts, or texts by name.
Raw = str | list[str] | dict[str, str]

#: A name with that of a property; what follows for lists and objects within it is not read.
_BRACKETS = re.compile(r"([^\[\]]*)\[([^\[\]]*)\](?:\[[^\[\]]*\])*")


class Shape(NamedTuple):
    """How a parameter is written, and whether it is one text, a list or an object."""

    name: str
    style: str
    explode: bool
    kind: str
    properties: frozenset[str] = frozenset()


class Pairs:
    """Names with their values as they came: those of a query, with decoded names, or of cookies."""

    __slots__ = ("all", "by_name")

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.all = pairs
        self.by_name: dict[str, list[str]] = {}
        for name, value in pairs:
            self.by_name.setdefault(name, []).append(value)


def pairs_of(query: str) -> Pairs:
    """The pairs of a raw query."""
    found = []
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if "%" in name or "+" in name:
                name = decoded(name)
            found.append((name, value))
    return Pairs(found)


def decoded(text: str) -> str:
    """A text of a query; `+` is a space there."""
    return unquote(text.replace("+", " "), errors="replace") if text else text


def in_query(shape: Shape, pairs: Pairs) -> list[Raw]:
    """What a query says for a parameter: nothing, one value, or several where it is repeated."""
    name = shape.name
    if shape.kind == "object":
        return _object_in_query(shape, pairs)
    values = pairs.by_name.get(name, [])
    if shape.kind == "text" or not values:
        return [decoded(value) if "%" in value or "+" in value else value for value in values]
    if shape.explode:
        return [[decoded(value) for value in values]]
    return [[decoded(part) for part in _split(value, shape.style)] for value in values]


def _object_in_query(shape: Shape, pairs: Pairs) -> list[Raw]:
    found: dict[str, str] = {}
    if shape.style == "deepObject":
        for name, value in pairs.all:
            match = _BRACKETS.fullmatch(name)
            if match is not None and match[1] == shape.name:
                found[match[2]] = decoded(value)
    elif shape.explode:
        found = {name: decoded(value) for name, value in pairs.all if name in shape.properties}
    else:
        objects: list[Raw] = []
        for value in pairs.by_name.get(shape.name, ()):
            parts = [decoded(part) for part in _split(value, shape.style)]
            objects.append(dict(zip(parts[::2], parts[1::2], strict=False)))
        return objects
    return [found] if found else []


def _split(value: str, style: str) -> list[str]:
    if not value:
        return []
    if style == "spaceDelimited":
        return re.split(r"%20|\+", value)
    if style == "pipeDelimited":
        return re.split(r"\||%7[Cc]", value)
    return value.split(",")


def in_path(shape: Shape, raw: str) -> Raw | None:
    """What a raw segment says; None: it is not written as its style is."""
    style, sign = shape.style, ","
    if style == "label":
        if not raw.startswith("."):
            return None
        raw, sign = raw[1:], "." if shape.explode else ","
    elif style == "matrix":
        if not raw.startswith(";"):
            return None
        raw = raw[1:]
        sign = ";" if shape.explode else ","
        if not (shape.explode and shape.kind == "object"):
            prefix = f"{shape.name}="
            parts = raw.split(";") if shape.explode and shape.kind == "list" else [raw]
            if not all(part.startswith(prefix) for part in parts):
                return None
            raw = sign.join(part[len(prefix) :] for part in parts)
    return _parts(shape, raw, sign, is_encoded=True)


def in_field(shape: Shape, text: str) -> Raw:
    """What the value of a header says (`simple`)."""
    parts = _parts(shape, text, ",", is_encoded=False)
    if isinstance(parts, list):
        return [part.strip(" \t") for part in parts]
    return parts


def _parts(shape: Shape, raw: str, sign: str, *, is_encoded: bool) -> Raw:
    def plain(text: str) -> str:
        return unquote(text, errors="replace") if is_encoded and "%" in text else text

    if shape.kind == "text":
        return plain(raw)
    parts = raw.split(sign) if raw else []
    if shape.kind == "list":
        return [plain(part) for part in parts]
    if shape.explode:
        named = [part.partition("=") for part in parts]
        return {plain(name): plain(value) for name, _, value in named}
    texts = [plain(part).strip(" \t") for part in parts]
    return dict(zip(texts[::2], texts[1::2], strict=False))
