"""Values in a report: what they are, or, where that is asked for, their beginning."""

from typing import Any

import orjson

#: At most so many characters of a value are shown.
MOST_SHOWN = 80
#: More of a value is not even made into text.
_MOST_ITEMS = 50


def shown(value: Any, *, values: bool) -> str:
    """A JSON value as text; without `values` only of what kind it is, and how long."""
    return _beginning(value) if values else _kind(value)


def shown_text(text: str, *, values: bool) -> str:
    """A text such as a header's value."""
    if not values:
        return f"text of {len(text)} characters"
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    return f"array of {len(value)}" if isinstance(value, list) else f"object of {len(value)}"


def _beginning(value: Any) -> str:
    if isinstance(value, str):
        value = value[: MOST_SHOWN + 1]
    elif isinstance(value, list | dict) and (len(value) > _MOST_ITEMS or _is_deep(value)):
        return _kind(value)
    return shown_text(orjson.dumps(value).decode(), values=True)


def _is_deep(value: Any) -> bool:
    """Whether it holds others that hold something: those may be of any size."""
    items = value.values() if isinstance(value, dict) else value
    return any(isinstance(one, list | dict) and one for one in items)
