"""JSON of tokens and keys, read so that no two readers can understand it differently."""

import json
from typing import Any, NoReturn

import orjson


def json_object(content: bytes) -> dict[str, Any]:
    """The object; NotAnObject for anything else, and for a member that stands twice at any depth.

    The message shows nothing of the content.
    """
    try:
        # It refuses what `json` takes: NaN, halves of characters, UTF-16.
        orjson.loads(content)
        value = _DECODER.decode(content.decode())
    except NotAnObject:
        raise
    except (ValueError, RecursionError):
        raise NotAnObject("is no JSON") from None
    if not isinstance(value, dict):
        raise NotAnObject("is no JSON object")
    return value


class NotAnObject(ValueError):
    """It is no JSON object that every reader understands alike."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise NotAnObject("has a JSON member twice")
    return made


def _no_number(_name: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(object_pairs_hook=_each_once, parse_constant=_no_number)
