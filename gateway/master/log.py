"""The master's log lines, in the same form as the workers'."""

import json
import os
import time
from typing import Any

SERVICE = "api_gateway"


class Log:
    """Writes lines to standard output at once: the master has little to say."""

    def __init__(self, style: str) -> None:
        self._style = style

    def info(self, event: str, **members: Any) -> None:
        self._write("info", event, members)

    def warning(self, event: str, **members: Any) -> None:
        self._write("warning", event, members)

    def error(self, event: str, **members: Any) -> None:
        self._write("error", event, members)

    def _write(self, level: str, event: str, members: dict[str, Any]) -> None:
        now_s = time.time()
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_s))
        timestamp = f"{second}.{int(now_s * 1000) % 1000:03d}Z"
        if self._style == "console":
            said = " ".join(f"{name}={value!r}" for name, value in members.items())
            line = f"{timestamp} [{level:<8}] {event} {said}".rstrip()
        else:
            first = {"timestamp": timestamp, "level": level, "event": event, "service": SERVICE}
            line = json.dumps(first | members, separators=(",", ":"))
        try:
            os.write(1, line.encode(errors="backslashreplace") + b"\n")
        except OSError:  # the reader is gone
            return
