"""Texts of HTTP: names, methods, fields and their values."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.wording import quoted
from middlewares.routing.matching.patterns import compile_pattern

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]+")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_OTHER_THAN_TAB = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
#: The gateway writes these itself, since they say where a message ends and what the connection does.
_FRAMING = frozenset(
    [
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)


def _name(value: object) -> str:
    rule = "must be a name: a lower-case letter and up to 62 of a-z 0-9 _ -"
    text = text_of(value, rule)
    if "://" in text:
        raise ValueError(f"{rule}; addresses of a service stand in services.NAME.urls")
    if not _NAME.fullmatch(text):
        raise ValueError(rule)
    return text


def _method(value: object) -> str:
    rule = "must be a method in upper case, such as GET"
    text = text_of(value, rule)
    if _METHOD.fullmatch(text):
        return text
    meant = f"; did you mean {text.upper()}?" if _METHOD.fullmatch(text.upper()) else ""
    raise ValueError(f"{rule}{meant}")


def _field_name(value: object) -> str:
    rule = "must be the name of a header, such as X-Plan"
    text = text_of(value, rule)
    if not _TOKEN.fullmatch(text):
        raise ValueError(rule)
    return text


def _cookie_name(value: object) -> str:
    rule = "must be the name of a cookie, such as sid"
    text = text_of(value, rule)
    if not _TOKEN.fullmatch(text):
        raise ValueError(rule)
    return text


def _answer_field(value: object) -> str:
    name = _field_name(value)
    if name.lower() in _FRAMING:
        raise ValueError(f"the gateway writes {name} itself")
    return name


def _field_value(value: object) -> str:
    text = text_of(value, "must be text")
    if _OTHER_THAN_TAB.search(text):
        raise ValueError("must be one line, without control characters")
    if text != text.strip(" \t"):
        raise ValueError(
            "must not begin or end with a space: those are no part of a header's value"
        )
    return text


def _member_name(value: object) -> str:
    rule = "must be the name of a query member"
    text = text_of(value, rule)
    if not text or _CONTROL.search(text):
        raise ValueError(rule)
    return text


def _text(value: object) -> str:
    return text_of(value, "must be text")


def _some_text(value: object) -> str:
    text = text_of(value, "must be text")
    if not text:
        raise ValueError("must not be empty")
    return text


def _regex(value: object) -> str:
    """Check that the pattern can be compiled."""
    text = text_of(value, "must be a regular expression")
    try:
        compile_pattern(text)
    except ValueError as error:
        raise ValueError(quoted(str(error))[1:-1]) from None
    return text


def repeated(names: Iterable[str]) -> Iterator[str]:
    """Names of headers that stand before in another case."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            yield name
        seen.add(name.lower())


def _pattern(expression: re.Pattern[str]) -> dict[str, str]:
    return {"type": "string", "pattern": f"^(?:{expression.pattern})$"}


_TEXT = {"type": "string"}
Name = Annotated[str, Parsed(_name, "name", _pattern(_NAME))]
Method = Annotated[str, Parsed(_method, "method", _pattern(_METHOD))]
FieldName = Annotated[str, Parsed(_field_name, "header name", _pattern(_TOKEN))]
CookieName = Annotated[str, Parsed(_cookie_name, "cookie name", _pattern(_TOKEN))]
AnswerField = Annotated[str, Parsed(_answer_field, "header name", _pattern(_TOKEN))]
FieldValue = Annotated[str, Parsed(_field_value, "text", _TEXT)]
MemberName = Annotated[str, Parsed(_member_name, "name", {**_TEXT, "minLength": 1})]
Text = Annotated[str, Parsed(_text, "text", _TEXT)]
SomeText = Annotated[str, Parsed(_some_text, "text", {**_TEXT, "minLength": 1})]
Regex = Annotated[str, Parsed(_regex, "regular expression", {**_TEXT, "format": "regex"})]
