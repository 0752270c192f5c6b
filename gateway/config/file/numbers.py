"""Durations, sizes, counts and statuses."""

import re
from typing import Annotated, Any, NamedTuple

from gateway.config.file.parsed import Parsed, TextWanted, is_number


class Statuses(NamedTuple):
    """Statuses of answers from the first to the last."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


DAY_S = 86400.0
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_S}
_DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>ms|s|m|h|d)", re.ASCII)
_SIZE = re.compile(r"(?P<number>[0-9]+)(?P<unit>B|KiB|MiB|GiB)", re.ASCII)
_UNITS_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_STATUSES = re.compile(r"[2-5][0-9]{2}-[2-5][0-9]{2}", re.ASCII)
_LONGEST = 20
_GREATEST = 2**53


def _seconds(value: object) -> float | None:
    if is_number(value):
        return float(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) < _LONGEST else None
    return float(found["number"]) * _UNITS_S[found["unit"]] if found else None


def duration(least: str, most: str, *, zero: str = "") -> Parsed:
    """Seconds from `least` to `most`; `zero` says what 0 means where it means something else."""
    least_s, most_s = _seconds(least) or 0.0, _seconds(most) or 0.0
    rule = f"must be from {least} to {most}{zero and f'; {zero}'}"

    def parse(value: object) -> float:
        seconds = _seconds(value)
        if seconds is None:
            raise ValueError(
                "must be a duration such as 250ms, 2s, 5m, 1h or 1d, or a number of seconds"
            )
        if not least_s <= seconds <= most_s:
            raise ValueError(rule)
        return seconds

    number = {"type": "number", "minimum": least_s, "maximum": most_s}
    text = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"}
    return Parsed(
        parse, f"duration, {least} to {most}{zero and f'; {zero}'}", {"anyOf": [text, number]}
    )


def _size(value: object) -> int:
    rule = "must be a size such as 64KiB or 1MiB, or a number of bytes"
    found = _SIZE.fullmatch(value) if isinstance(value, str) and len(value) < _LONGEST else None
    if found is not None:
        size = int(found["number"]) * _UNITS_BYTES[found["unit"]]
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        raise ValueError(rule)
    if not 0 <= size <= _GREATEST:
        raise ValueError("must be from 0 to 8 PiB")
    return size


def size(least: str, most: str) -> Parsed:
    """Bytes from `least` to `most`."""
    least_bytes, most_bytes = _size(least), _size(most)

    def parse(value: object) -> int:
        found = _size(value)
        if not least_bytes <= found <= most_bytes:
            raise ValueError(f"must be from {least} to {most}")
        return found

    number = {"type": "integer", "minimum": least_bytes, "maximum": most_bytes}
    text = {"type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$"}
    return Parsed(parse, f"size, {least} to {most}", {"anyOf": [text, number]})


def whole_number(least: int, most: int) -> Parsed:
    rule = f"must be a whole number from {least:,} to {most:,}"

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(rule)
        return value

    return Parsed(
        parse, f"{least:,} to {most:,}", {"type": "integer", "minimum": least, "maximum": most}
    )


def _share(value: object) -> float:
    if is_number(value) and 0 <= value <= 1:
        return float(value)
    raise ValueError("must be a number from 0 to 1, such as 0.2 for a fifth")


def _status_range(value: object) -> Statuses:
    if isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599:
        return Statuses(value, value)
    if isinstance(value, str) and _STATUSES.fullmatch(value):
        low, high = (int(part) for part in value.split("-"))
        if low <= high:
            return Statuses(low, high)
    raise ValueError("must be a status from 200 to 599, or a range of them such as 200-299")


def choice(*allowed: Any, words: str = "") -> Parsed:
    """One of a few values; 1 is not true. `words` name what else is allowed there."""
    shown = [repr(one).lower() if isinstance(one, bool) else str(one) for one in allowed]
    rule = f"must be {_either([*shown, *([words] if words else [])])}"

    def parse(value: object) -> object:
        for one in allowed:
            if one == value and type(one) is type(value):
                return one
        if isinstance(allowed[0], str) and isinstance(value, bool | int | float):
            raise TextWanted(rule)
        raise ValueError(rule)

    return Parsed(parse, ", ".join(shown), {"enum": list(allowed)})


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


Size = Annotated[
    int,
    Parsed(
        _size,
        "size",
        {
            "anyOf": [
                {"type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$"},
                {"type": "integer", "minimum": 0, "maximum": _GREATEST},
            ]
        },
    ),
]
StatusRange = Annotated[
    Statuses,
    Parsed(
        _status_range,
        "status or range",
        {
            "anyOf": [
                {"type": "string", "pattern": "^[2-5][0-9]{2}-[2-5][0-9]{2}$"},
                {"type": "integer", "minimum": 200, "maximum": 599},
            ]
        },
    ),
]
#: A part of a whole.
Share = Annotated[
    float, Parsed(_share, "0 to 1", {"type": "number", "minimum": 0.0, "maximum": 1.0})
]
#: How long something may take; 0: no limit.
Timeout = Annotated[float, duration("0s", "1d", zero="0: no limit")]
