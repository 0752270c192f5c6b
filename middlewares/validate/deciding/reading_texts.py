"""Texts of a path, query, header or cookie as the values that they may stand for."""

import re
from collections.abc import Iterator

import orjson

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
#: A number of more digits than that is read as a text.
MOST_DIGITS = 400
Scalar = str | int | float | bool | None


def readings(text: str, kinds: frozenset[str]) -> Iterator[Scalar]:
    """Yield what a text may stand for, by the types that its schema takes; a text is the last of these."""
    if ("integer" in kinds or "number" in kinds) and len(text) <= MOST_DIGITS:
        if _WHOLE.fullmatch(text):
            yield int(text)
        elif _NUMBER.fullmatch(text):
            yield from _fraction(text)
    if "boolean" in kinds and text in ("true", "false"):
        yield text == "true"
    if "null" in kinds and text in ("", "null"):
        yield None
    if "string" in kinds:
        yield text


def first_reading(text: str, kinds: frozenset[str]) -> Scalar:
    """The likeliest of the readings; the text itself if there is none."""
    return next(readings(text, kinds), text)


def _fraction(text: str) -> Iterator[float]:
    try:
        yield orjson.loads(text)
    except orjson.JSONDecodeError:  # 1e999
        return
