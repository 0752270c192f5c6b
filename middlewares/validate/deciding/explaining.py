"""Where a value does not fit its schema, in a bounded number of steps and without a value of it.

A validator's own list of errors has no bound: for an array of 80,000 wrong items it takes seconds. What
the verdict is, the validator alone says; this only looks for the places.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from middlewares.validate.deciding.compiling import fits_keyword
from middlewares.validate.deciding.translating import Schema
from middlewares.validate.deciding.types import Kinds, kinds_of, named, target
from middlewares.validate.deciding.unfit import MOST_TOLD, cut, escaped

#: How many schemas are looked at for one explanation.
MOST_STEPS = 3000
_MOST_DEPTH = 60
#: A place and what is expected there.
Found = tuple[str, str]
_SHOWN_OPTIONS = 8
_ORDER = ("string", "integer", "number", "boolean", "array", "object", "null")


_LENGTHS: Mapping[str, tuple[type, str, int]] = {
    "minLength": (str, "at least {} characters", 1),
    "maxLength": (str, "at most {} characters", -1),
    "minItems": (list, "at least {} items", 1),
    "maxItems": (list, "at most {} items", -1),
    "minProperties": (dict, "at least {} members", 1),
    "maxProperties": (dict, "at most {} members", -1),
}
_NUMBERS: Mapping[str, str] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
}
_BY_LIBRARY: Mapping[str, str] = {
    "pattern": "a text that matches {}",
    "format": "a text of the format {}",
    "multipleOf": "a multiple of {}",
}


def explain(schema: Schema, defs: Mapping[str, Schema], kinds: Kinds, value: Any) -> list[Found]:
    """The first places where a value does not fit, at most MOST_TOLD of them; empty: none was found."""
    search = Search(defs, kinds)
    found: list[Found] = []
    for one in search.look(schema, value, "", 0):
        if one not in found:
            found.append(one)
        if len(found) == MOST_TOLD:
            break
    return found


class Search:
    """Looks for the places of one value; `steps` counts the schemas that it has looked at."""

    def __init__(self, defs: Mapping[str, Schema], kinds: Kinds) -> None:
        self._defs = defs
        self._kinds = kinds
        self.steps = 0

    def look(self, schema: Schema, value: Any, at: str, depth: int) -> Iterator[Found]:
        """Yield what does not fit, until the steps are used up."""
        if self.steps >= MOST_STEPS or depth > _MOST_DEPTH or schema is True:
            return
        self.steps += 1
        if schema is False:
            yield at, "nothing"
            return
        assert isinstance(schema, dict)
        if "type" in schema and not named(schema["type"]) & kinds_of(value):
            yield at, wanted(named(schema["type"]))
            return
        yield from _of_its_own(schema, value, at)
        if isinstance(value, dict):
            yield from self._members(schema, value, at, depth)
        elif isinstance(value, list):
            yield from self._items(schema, value, at, depth)
        if "$ref" in schema:
            yield from self.look(target(schema, self._defs), value, at, depth + 1)
        for one in schema.get("allOf", ()):
            yield from self.look(one, value, at, depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                yield from self._one_of(schema[key], value, at, depth, is_one=key == "oneOf")
        if "not" in schema and self._fits(schema["not"], value, at, depth):
            yield at, "a value that the document does not exclude"

    def _fits(self, schema: Schema, value: Any, at: str, depth: int) -> bool:
        return next(self.look(schema, value, at, depth + 1), None) is None

    def _members(
        self, schema: Mapping[str, Any], value: dict[str, Any], at: str, depth: int
    ) -> Iterator[Found]:
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at}/{escaped(name)}", "a value: it is required"
        properties = schema.get("properties", {})
        for name in properties:
            if name in value:
                yield from self.look(
                    properties[name], value[name], f"{at}/{escaped(name)}", depth + 1
                )
        others = schema.get("additionalProperties", True)
        if others is True or "patternProperties" in schema:
            return
        for name, one in value.items():
            if self.steps >= MOST_STEPS:
                return
            if name in properties:
                continue
            if others is False:
                yield f"{at}/{escaped(cut(name))}", "no member of this name"
            else:
                yield from self.look(others, one, f"{at}/{escaped(cut(name))}", depth + 1)

    def _items(
        self, schema: Mapping[str, Any], value: list[Any], at: str, depth: int
    ) -> Iterator[Found]:
        first = schema.get("prefixItems", ())
        for index, (one, item) in enumerate(zip(first, value, strict=False)):
            yield from self.look(one, item, f"{at}/{index}", depth + 1)
        if "items" not in schema:
            return
        for index in range(len(first), len(value)):
            if self.steps >= MOST_STEPS:
                return
            yield from self.look(schema["items"], value[index], f"{at}/{index}", depth + 1)

    def _one_of(
        self, branches: list[Schema], value: Any, at: str, depth: int, *, is_one: bool
    ) -> Iterator[Found]:
        """Tell what the branch lacks that is nearest: the one that takes values of this type."""
        kinds = kinds_of(value)
        able = [one for one in branches if self._kinds.of(one) & kinds]
        if not able:
            taken = [self._kinds.of(one) for one in branches]
            yield at, wanted(frozenset[str]().union(*taken))
            return
        lacking = [list(_first(self.look(one, value, at, depth + 1))) for one in able]
        fitting = lacking.count([])
        if fitting:
            if is_one and fitting > 1:
                yield at, f"a value of one of {len(branches)} kinds, not of several at once"
            return
        # What is wrong deep inside a branch says that the branch was meant.
        yield from max(lacking, key=lambda found: (found[0][0].count("/"), -len(found)))


def _first(found: Iterator[Found]) -> Iterator[Found]:
    for _, one in zip(range(MOST_TOLD), found, strict=False):
        yield one


def _of_its_own(schema: Mapping[str, Any], value: Any, at: str) -> Iterator[Found]:
    """Yield what is wrong with the value itself."""
    if "const" in schema and not same(schema["const"], value):
        yield at, _shown([schema["const"]])
    if "enum" in schema and not any(same(one, value) for one in schema["enum"]):
        yield at, _shown(schema["enum"])
    for keyword, (kind, text, sign) in _LENGTHS.items():
        if keyword in schema and isinstance(value, kind):
            assert isinstance(value, str | list | dict)
            if (len(value) - schema[keyword]) * sign < 0:
                yield at, text.format(schema[keyword])
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _numbers(schema, value, at)
    for keyword, text in _BY_LIBRARY.items():
        if keyword in schema and not fits_keyword(keyword, schema[keyword], value):
            yield at, text.format(schema[keyword])
    if schema.get("uniqueItems") is True and not fits_keyword("uniqueItems", True, value):
        yield at, "items that are all different"


def _numbers(schema: Mapping[str, Any], value: float, at: str) -> Iterator[Found]:
    for keyword, text in _NUMBERS.items():
        if keyword not in schema:
            continue
        bound = schema[keyword]
        is_within = {
            "minimum": value >= bound,
            "maximum": value <= bound,
            "exclusiveMinimum": value > bound,
            "exclusiveMaximum": value < bound,
        }[keyword]
        if not is_within:
            yield at, text.format(bound)


def wanted(kinds: frozenset[str]) -> str:
    """The types in words."""
    named = kinds - {"integer"} if "number" in kinds else kinds
    return f"type {' or '.join(sorted(named, key=_ORDER.index))}" if named else "nothing"


def same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are equal; true is not 1."""
    return bool(kinds_of(one) & kinds_of(other)) and bool(one == other)


def _shown(options: list[Any]) -> str:
    texts = [cut(json.dumps(one, ensure_ascii=False)) for one in options[:_SHOWN_OPTIONS]]
    more = f" or {len(options) - len(texts)} others" if len(options) > len(texts) else ""
    return ("one of " if len(options) > 1 else "") + ", ".join(texts) + more
