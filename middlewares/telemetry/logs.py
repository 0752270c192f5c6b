"""Structured logs by structlog and orjson: one JSON object a line on standard output, in batches."""

import io
import json
import sys
import time
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import ExcInfo

from middlewares.telemetry.line_writer import LineWriter
from middlewares.telemetry.log_levels import LEVELS, Level, Style
from middlewares.telemetry.printable import printable, printable_line

#: The correlation ID of the current task's request; None outside a request.
correlation_id_var: ContextVar[str | None] = ContextVar("correlation_id", default=None)

EventDict = MutableMapping[str, Any]
#: Writes one event that is complete: timestamp, level, event and service are its first members.
WriteEvent = Callable[[dict[str, Any]], None]

_writer: LineWriter | None = None


def configure_logging(
    *,
    service: str,
    level: Level = "info",
    style: Style = "json",
    file_descriptor: int | None = None,
    worker: int | None = None,
) -> LineWriter:
    """Send every structlog event of this process to standard output, in the contract's format.

    Each line carries the name `service`. Close the returned writer at the end of the process; otherwise
    it closes itself at exit. `worker` is the number of this process among several that write to the same
    output; lines have it, but for complete events, which are too many. None: there is one process.
    """
    global _writer
    if _writer is not None:
        _writer.close()
    render = _Console() if style == "console" else _render_json

    def stamp(_logger: object, method: str, event: EventDict) -> EventDict:
        return _in_order(event, service, method, worker)

    def loss_line(count: int) -> bytes:
        event: EventDict = {"event": "log.lines_dropped", "count": count}
        return render(None, "warning", stamp(None, "warning", event))

    writer = LineWriter(
        sys.stdout.fileno() if file_descriptor is None else file_descriptor,
        loss_line=loss_line,
        shared=worker is not None,
    )
    _writer = writer

    structlog.configure(
        processors=[
            stamp,
            *([] if style == "console" else [structlog.processors.format_exc_info]),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_args: _LineLogger(writer),
        cache_logger_on_first_use=False,
    )
    return writer


def lines_dropped() -> int:
    """How many lines this process has dropped because nobody read the log."""
    return _writer.dropped if _writer is not None else 0


def event_writer() -> WriteEvent:
    """Return a cheap function that writes complete events of level info, such as `request`.

    Without JSON it is a structlog logger's `info`; with JSON it makes the line itself.
    """
    log = structlog.get_logger()
    processors = structlog.get_config()["processors"]
    writer = _writer
    if writer is None or _render_json not in processors:
        return lambda event: log.info(**event)
    if not log.is_enabled_for(LEVELS["info"]):
        return lambda event: None
    return lambda event: writer.write(_json_line(event))


class _LineLogger:
    """Is called by structlog with each rendered line."""

    __slots__ = ("critical", "debug", "error", "exception", "info", "msg", "warning")

    def __init__(self, writer: LineWriter) -> None:
        write = writer.write
        self.debug = self.info = self.warning = self.error = write
        self.critical = self.exception = self.msg = write


class _Console:
    """Renders events for people with structlog, as bytes that are safe for a terminal."""

    def __init__(self) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=_traceback
        )

    def __call__(self, logger: Any, method: str, event: EventDict) -> bytes:
        shown = {key: printable(v) if isinstance(v, str) else v for key, v in event.items()}
        return str(self._render(logger, method, shown)).encode()


def _traceback(out: TextIO, exc_info: ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    out.write(printable(text.getvalue(), keep="\n"))


def _in_order(event: EventDict, service: str, method: str, worker: int | None) -> EventDict:
    ordered: EventDict = {
        "timestamp": now(),
        "level": "warning" if method == "warn" else "error" if method == "exception" else method,
        "event": event.pop("event", ""),
        "service": event.pop("service", service),
    }
    if worker is not None and "timestamp" not in event:
        ordered["worker"] = worker
    correlation_id = event.pop("correlation_id", None) or correlation_id_var.get()
    if correlation_id is not None:
        ordered["correlation_id"] = correlation_id
    ordered.update(event)
    return ordered


def _render_json(_logger: object, _method: str, event: EventDict) -> bytes:
    return _json_line(event)


def _json_line(event: EventDict) -> bytes:
    try:
        line = orjson.dumps(event)
    except TypeError:  # an unknown type, a lone surrogate, a number beyond 64 bits
        line = json.dumps(event, default=str).encode()
    return printable_line(line)


class _Clock:
    """Writes RFC 3339 times with milliseconds; the unchanged part is kept from the last time."""

    def __init__(self) -> None:
        self._second = self._millisecond = -1
        self._to_the_second = self._text = ""

    def now(self) -> str:
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            second, thousandths = divmod(millisecond, 1000)
            if second != self._second:
                self._second = second
                self._to_the_second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._text = f"{self._to_the_second}.{thousandths:03d}Z"
        return self._text


#: The time as lines have it.
now = _Clock().now
