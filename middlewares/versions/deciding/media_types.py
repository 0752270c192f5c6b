"""Reads a parameter of the media types in Accept and Content-Type (RFC 9110 §8.3.1, §12.5.1)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

#: A separator, or a quoted string, in which there are none. One without an end is all that follows, so that
#: each character is looked at once.
_SEPARATOR = re.compile(r'[,;]|"(?:[^"\\]|\\.)*"?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", re.ASCII)
#: Browsers send `application/signed-exchange;v=b3`: its `v` is that of its own format.
_WITH_OWN_VERSION = frozenset(["application/signed-exchange"])


class Wanted(NamedTuple):
    """The value of the parameter in one media type, and that type's weight."""

    value: str
    weight: float


def parameters(text: str, name: str) -> Iterator[Wanted]:
    """The values of a parameter in each member of a list of media types; names are without case.

    Members of weight 0 name what is not acceptable, and are left out.
    """
    for member in _members(text):
        if member[0].strip().lower() in _WITH_OWN_VERSION:
            continue
        value: str | None = None
        weight = 1.0
        for part in member[1:]:
            key, mark, raw = part.partition("=")
            key, raw = key.strip().lower(), raw.strip()
            if not mark:
                continue
            if key == name and value is None:
                value = _unquoted(raw)
            elif key == "q" and _QUALITY.fullmatch(raw):
                weight = float(raw)
        if value is not None and weight:
            yield Wanted(value, weight)


def _members(text: str) -> Iterator[list[str]]:
    """The members of a list, each as its type and its parameters."""
    parts: list[str] = []
    begin = 0
    for found in _SEPARATOR.finditer(text):
        separator = found[0]
        if separator[0] == '"':
            continue
        parts.append(text[begin : found.start()])
        begin = found.end()
        if separator == ",":
            yield parts
            parts = []
    yield [*parts, text[begin:]]


def _unquoted(raw: str) -> str:
    if len(raw) > 1 and raw[0] == raw[-1] == '"':
        return _ESCAPED.sub(r"\1", raw[1:-1])
    return raw
