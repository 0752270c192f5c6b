"""What a route changes in bodies of JSON."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from gateway.config.file.numbers import choice
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.sections import Section
from gateway.config.file.templates import template_of
from gateway.config.file.wording import quoted
from middlewares.transform.bodies.deciding.pointers import EVERY, parse_pointer
from middlewares.transform.bodies.deciding.queries import check_expression

_POINTER = "must be a JSON pointer, which begins with a slash, such as /user/name"
_KINDS = ("remove", "rename", "set", "keep", "wrap", "jmespath")
#: A value of the file with more levels is refused.
_MOST_LEVELS = 32


def _pointer(value: object) -> str:
    text = text_of(value, _POINTER)
    try:
        tokens = parse_pointer(text)
    except ValueError as error:
        raise ValueError(f"{quoted(text)} {error}") from None
    if not tokens:
        raise ValueError("must lead to something in the body: the empty pointer is all of it")
    return text


def _pointers(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return (_pointer(value),)
    pointers = tuple(map(_pointer, value))
    if not pointers:
        raise ValueError("must have at least one pointer")
    if len(set(pointers)) < len(pointers):
        raise ValueError("has a pointer twice")
    return pointers


def _renamed(value: object) -> tuple[str, str]:
    rule = "must be two pointers to names in the same object, such as [/usr, /user]"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(rule)
    before, after = map(_pointer, value)
    old, new = parse_pointer(before), parse_pointer(after)
    if old[:-1] != new[:-1]:
        raise ValueError(f"{rule}: a rename moves nothing to another object")
    if EVERY in (old[-1], new[-1]):
        raise ValueError(f"{rule}: * is no name")
    if old == new:
        raise ValueError("is the name that it has already")
    return before, after


def _wrapped(value: object) -> str:
    text = _pointer(value)
    if EVERY in parse_pointer(text):
        raise ValueError("must be a pointer of names, such as /data: * is no name")
    return text


def _values(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError("must be a mapping of values by pointer, such as {/tenant: a}")
    for key, one in value.items():
        text = text_of(key, _POINTER)
        if text:  # the empty pointer replaces the whole body
            _pointer(text)
        try:
            _check_value(one, 0)
        except ValueError as error:
            raise ValueError(f"at {quoted(text)}: {error}") from None
    return value


def _check_value(value: object, level: int) -> None:
    if level > _MOST_LEVELS:
        raise ValueError(f"a value has at most {_MOST_LEVELS} levels")
    if isinstance(value, str):
        template_of(value)
    elif isinstance(value, dict):
        for name, one in value.items():
            text_of(name, "a name must be text")
            _check_value(one, level + 1)
    elif isinstance(value, list | tuple):
        for one in value:
            _check_value(one, level + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a number that JSON has")


def _expression(value: object) -> str:
    text = text_of(value, "must be an expression of JMESPath, such as items[*].id")
    check_expression(text)
    return text


def _not_empty(rules: "tuple[JsonRule, ...]") -> "tuple[JsonRule, ...]":
    if not rules:
        raise ValueError("must have at least one rule")
    return rules


_TEXT = {"type": "string", "pattern": "^/"}
_SOME = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}]}
_PAIR = {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}
_BY_POINTER = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": "^(/|$)"},
}
_Pointers = Annotated[tuple[str, ...], Parsed(_pointers, "JSON pointer, or a list of them", _SOME)]
_Renamed = Annotated[tuple[str, str], Parsed(_renamed, "list of two JSON pointers", _PAIR)]
_Values = Annotated[
    Mapping[str, Any],
    Parsed(
        _values, "mapping from JSON pointer to any value; texts may have variables", _BY_POINTER
    ),
]
_Wrapped = Annotated[str, Parsed(_wrapped, "JSON pointer", _TEXT)]
_Expression = Annotated[str, Parsed(_expression, "expression of JMESPath", {"type": "string"})]


class JsonRule(Section):
    """One change of a JSON text. In a pointer, `*` stands for every item or member."""

    exactly_one: ClassVar[tuple[str, ...]] = _KINDS

    remove: _Pointers | None = Field(
        default=None,
        description="What these pointers lead to is taken out, each member of a doubled name too.",
        examples=["/internal"],
    )
    rename: _Renamed | None = Field(
        default=None,
        description="The member at the first pointer gets the name of the second one, in place of a member that has "
        "this name.",
        examples=[["/usr", "/user"]],
    )
    set_values: _Values | None = Field(
        default=None,
        alias="set",
        description="The values at these pointers. Objects that are missing on the way are made; `-` is behind the "
        "last item of a list. Where a variable has no value, what would have been set is removed.",
        examples=[{"/tenant": "{subject}"}],
    )
    keep: _Pointers | None = Field(
        default=None,
        description="All is taken out that none of these pointers leads to.",
        examples=[["/id", "/name"]],
    )
    wrap: _Wrapped | None = Field(
        default=None,
        description="The whole text becomes the member at this pointer in a new object.",
        examples=["/data"],
    )
    jmespath: _Expression | None = Field(
        default=None,
        description="The text becomes what this expression yields (jmespath.org).",
        examples=["{items: items[*].{id: id}}"],
    )


JsonRules = Annotated[
    tuple[JsonRule, ...],
    AfterValidator(_not_empty),
    Field(json_schema_extra={"minItems": 1}),
]
JsonErrors = Annotated[str, choice("pass", "refuse")]
Encoded = Annotated[str, choice("redo", "plain", "skip")]
