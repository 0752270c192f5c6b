"""Texts with variables such as {subject}, for the places where a file may have them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel

from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.wording import or_nearest, quoted
from middlewares.routing.matching.paths import ambiguous
from middlewares.transform.deciding.variables import (
    NAMED,
    PLAIN,
    REST,
    Template,
    UnknownVariable,
    Variable,
    parse_template,
)

_OTHER_THAN_TAB = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_KNOWN = (*(f"{{{one}}}" for one in PLAIN), *(f"{{{one}.NAME}}" for one in NAMED))


def template_of(value: object, rule: str = "must be text") -> Template:
    """A text with variables; ValueError for unknown ones names the nearest that there is."""
    text = text_of(value, rule)
    try:
        return parse_template(text)
    except UnknownVariable as unknown:
        allowed = f"; there are {', '.join(_KNOWN)}"
        known = [*_KNOWN, *(f"{{{kind}.{_name_in(unknown.name)}}}" for kind in NAMED)]
        hint = or_nearest(f"{{{unknown.name}}}", known, allowed)
        raise ValueError(f"there is no variable {quoted(f'{{{unknown.name}}}')}{hint}") from None


def _name_in(text: str) -> str:
    return text.partition(".")[2] or "NAME"


def _header_value(value: object) -> Template:
    template = template_of(value)
    for text in template.literals:
        if _OTHER_THAN_TAB.search(text):
            raise ValueError("must be one line, without control characters")
    pieces = template.pieces
    begin, end = (one if isinstance(one, str) else "" for one in (pieces[0], pieces[-1]))
    if begin != begin.lstrip(" \t") or end != end.rstrip(" \t"):
        raise ValueError(
            "must not begin or end with a space: those are no part of a header's value"
        )
    return template


def _path(value: object) -> Template:
    rule = "must be a path that begins with a slash"
    template = template_of(value, rule)
    pieces = template.pieces
    if not isinstance(pieces[0], str) or not pieces[0].startswith("/"):
        raise ValueError(rule)
    if any("?" in text for text in template.literals):
        raise ValueError("must be a path alone; rules for the query stand in request.query")
    rest = Variable("path", REST)
    before_rest = pieces[-2:-1]
    if rest in pieces[:-1] or (rest in pieces and not str(before_rest[0]).endswith("/")):
        raise ValueError("{path.rest} must be the last segment")
    sample = "".join(one if isinstance(one, str) else "x" for one in pieces)
    if reason := ambiguous(sample):
        raise ValueError(f"must be a path that all servers read alike; {reason}")
    return template


def _parsed(parse: Callable[[object], Template], words: str, pattern: str = "") -> Parsed:
    return Parsed(parse, words, {"type": "string", **({"pattern": pattern} if pattern else {})})


HeaderTemplate = Annotated[Template, _parsed(_header_value, "text with variables")]
TextTemplate = Annotated[Template, _parsed(template_of, "text with variables")]
PathWithVariables = Annotated[Template, _parsed(_path, "path with variables", "^/")]


def templates_in(value: object) -> Iterator[Template]:
    """The templates of a section and of all that is in it."""
    if isinstance(value, Template):
        yield value
    elif isinstance(value, BaseModel):
        for key in value.model_fields_set:
            yield from templates_in(getattr(value, key))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from templates_in(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from templates_in(one)
