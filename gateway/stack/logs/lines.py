"""Log lines as JSON objects: ours unchanged, those of other programs wrapped."""

import json
import re
from datetime import UTC, datetime
from typing import Any

_SUPERVISORD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ([A-Z]{4}) ")
_REDIS = re.compile(r"\d+:[A-Z] (\d\d \w{3} \d{4} \d\d:\d\d:\d\d)\.(\d{3}) ([.\-*#]) ")
_LEVELS = {
    "CRIT": "critical",
    "ERRO": "error",
    "WARN": "warning",
    "INFO": "info",
    "DEBG": "debug",
    "#": "warning",
    "*": "info",
    "-": "debug",
    ".": "debug",
}


def as_json_object(line: str, *, service: str, otherwise_at: str) -> dict[str, Any]:
    """The line's object, or a wrapped `line`; `otherwise_at` is the time of one without a time."""
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    timestamp, level = _time_and_level(line) or (otherwise_at, "info")
    return {
        "timestamp": timestamp,
        "level": level,
        "event": "output",
        "service": service,
        "line": line,
    }


def service_of(log_name: str) -> str:
    """`price_service` for the log of `price_service-2`, its second instance."""
    return re.sub(r"-\d+$", "", log_name)


def sort_key(record: dict[str, Any]) -> str:
    """A key that orders RFC 3339 UTC times of different precision; records without one come first."""
    timestamp = record.get("timestamp")
    if not isinstance(timestamp, str):
        return ""
    seconds, _, fraction = timestamp.removesuffix("Z").partition(".")
    return f"{seconds}.{fraction:0<9}"


def rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_and_level(line: str) -> tuple[str, str] | None:
    for pattern, layout in ((_SUPERVISORD, "%Y-%m-%d %H:%M:%S"), (_REDIS, "%d %b %Y %H:%M:%S")):
        if match := pattern.match(line):
            text, milliseconds, level = match.groups()
            try:
                # Both programs write local time without a time zone.
                local = datetime.strptime(text, layout).astimezone()
            except ValueError:
                return None
            moment = local.astimezone(UTC).replace(microsecond=int(milliseconds) * 1000)
            return rfc3339(moment), _LEVELS.get(level, "info")
    return None
