"""Bodies of JSON, read so that no other reader can understand them differently."""

import json
from typing import Any

import orjson

#: What is expected of JSON that no reader would take.
TOO_DEEP = "JSON that is not nested so deeply"


class NotRead(ValueError):
    """The body is not JSON, or says a thing twice; the message says what was expected."""


def read_json(body: bytes) -> Any:
    """The value of a body. Raises NotRead."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotRead(TOO_DEEP if "depth limit" in str(error) else "JSON") from None
    if _may_repeat(body, value):
        _refuse_repeats(body)
    return value


def _may_repeat(body: bytes, value: Any) -> bool:
    """Whether a name may come twice in an object; readers differ in which of the two they take.

    Each member has one colon outside of texts. As long as no colon is escaped, as many are in the value
    written again, unless a member was dropped.
    """
    try:
        written = orjson.dumps(value)
    except orjson.JSONEncodeError:  # it writes no value that is nested by the hundred
        return True
    if written == body:
        return False
    return b"\\u003" in body or body.count(b":") != written.count(b":")


def _refuse_repeats(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise NotRead("each name once in an object")
        return made

    try:
        json.loads(body, object_pairs_hook=unique)
    except NotRead:
        raise
    except RecursionError:
        raise NotRead(TOO_DEEP) from None
    except ValueError:  # a number of thousands of digits, say: not said twice
        raise NotRead("JSON that can be read in one way only") from None


def is_deeper(value: Any, most: int) -> bool:
    """Whether a value is nested more deeply than that."""
    level = [value]
    for _ in range(most + 1):
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True
