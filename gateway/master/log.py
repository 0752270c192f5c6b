"""The master's log lines, in the same form as the workers'."""

import json
import time
from typing import Any

from gateway.master.writing import write_soon

SERVICE = "api_gateway"
_LEVELS = ("debug", "info", "warning", "error")


class Log:
    """Writes lines to standard output at once: the master has little to say."""

    def __init__(self, style: str, level: str = "info") -> None:
        self._style = style
        self._least = _LEVELS.index(level) if level in _LEVELS else 1

    def info(self, event: str, **members: Any) -> None:
        self._write("info", event, members)

    def warning(self, event: str, **members: Any) -> None:
        self._write("warning", event, members)

    def error(self, event: str, **members: Any) -> None:
        self._write("error", event, members)

    def _write(self, level: str, event: str, members: dict[str, Any]) -> None:
        if _LEVELS.index(level) < self._least:
            return
        write_soon(1, line_of(self._style, level, event, members, time.time()))


def line_of(style: str, level: str, event: str, members: dict[str, Any], now_s: float) -> bytes:
    """The line with its end; `now_s` is Unix time."""
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_s))
    timestamp = f"{second}.{int(now_s * 1000) % 1000:03d}Z"
    if style == "console":
        said = " ".join(f"{name}={value!r}" for name, value in members.items())
        line = f"{timestamp} [{level:<8}] {event} {said}".rstrip()
    else:
        first = {"timestamp": timestamp, "level": level, "event": event, "service": SERVICE}
        line = json.dumps(first | members, separators=(",", ":"))
    return line.encode(errors="backslashreplace") + b"\n"
