"""What a file says of changes in bodies of JSON, in the form that the layer works with."""

import json
from collections.abc import Iterator

from gateway.config.file.json_rules import JsonRule
from gateway.config.file.templates import template_of
from gateway.config.file.transform import Request, Response
from middlewares.transform.bodies.deciding.pointers import parse_pointer
from middlewares.transform.bodies.deciding.rules import (
    JsonValue,
    Keep,
    Query,
    Remove,
    Rename,
    Rule,
    Set,
    Wrap,
    string_of,
)
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.deciding.variables import Template


def bodies_of(section: Request | Response) -> BodyRules | None:
    """The rules for bodies; None: they stay as they are."""
    if section.json_rules is None:
        return None
    return BodyRules(
        tuple(rule for one in section.json_rules for rule in _rules(one)),
        refuses=section.json_errors == "refuse",
        encoded=Encoded(section.encoded),
    )


def _rules(section: JsonRule) -> Iterator[Rule]:
    if section.remove is not None:
        yield Remove(tuple(map(parse_pointer, section.remove)))
    if section.keep is not None:
        yield Keep(tuple(map(parse_pointer, section.keep)))
    if section.rename is not None:
        before, after = map(parse_pointer, section.rename)
        yield Rename(before, after[-1])
    if section.wrap is not None:
        yield Wrap(parse_pointer(section.wrap))
    if section.jmespath is not None:
        yield Query(section.jmespath)
    for pointer, value in (section.set_values or {}).items():
        yield Set(parse_pointer(pointer), json_value(value))


def json_value(value: object) -> JsonValue:
    """A value of the file as JSON, with the variables of its texts."""
    pieces: list[str | Template] = []
    for piece in _pieces(value):
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return JsonValue(tuple(pieces))


def _pieces(value: object) -> Iterator[str | Template]:
    if isinstance(value, str):
        template = template_of(value)
        yield template if template.variables else string_of("".join(template.literals))
    elif isinstance(value, dict):
        mark = "{"
        for name, one in value.items():
            yield f"{mark}{string_of(str(name))}:"
            yield from _pieces(one)
            mark = ","
        yield "}" if value else "{}"
    elif isinstance(value, list | tuple):
        mark = "["
        for one in value:
            yield mark
            yield from _pieces(one)
            mark = ","
        yield "]" if value else "[]"
    else:
        yield json.dumps(value, allow_nan=False)
