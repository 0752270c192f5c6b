"""Reads a parameter of the media types in Accept and Content-Type (RFC 9110 §8.3.1, §12.5.1)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

#: A quoted string, a separator, or what stands between these; each character is looked at once.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[,;]|[^",;]+|"', re.DOTALL)
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
    parts = [""]
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece == ",":
            yield parts
            parts = [""]
        elif piece == ";":
            parts.append("")
        else:
            parts[-1] += piece
    yield parts


def _unquoted(raw: str) -> str:
    if len(raw) > 1 and raw[0] == raw[-1] == '"':
        return _ESCAPED.sub(r"\1", raw[1:-1])
    return raw
