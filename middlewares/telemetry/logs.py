"""Structured logs: one JSON object a line on standard output, by structlog and orjson, in batches."""

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

#: The ID of the request that the current task works for, or None outside a request.
correlation_id_var: ContextVar[str | None] = ContextVar("correlation_id", default=None)

EventDict = MutableMapping[str, Any]
#: Writes one event whose members are ready; None: nothing of this level is wanted.
WriteEvent = Callable[[dict[str, Any]], None]

_writer: LineWriter | None = None


def configure_logging(
    *,
    service: str,
    level: Level = "info",
    style: Style = "json",
    file_descriptor: int | None = None,
) -> LineWriter:
    """Send every structlog event of this process to standard output in the contract's shape.

    `service` is the name that each line carries. The writer that is
    returned has to be closed at the end of the process, or it does so itself at exit.
    """
    global _writer
    if _writer is not None:
        _writer.close()
    render = _Console() if style == "console" else _render_json

    def stamp(_logger: object, method: str, event: EventDict) -> EventDict:
        return _in_order(event, service, method)

    def loss_line(count: int) -> bytes:
        event: EventDict = {"event": "log.lines_dropped", "count": count}
        return render(None, "warning", stamp(None, "warning", event))

    writer = LineWriter(
        sys.stdout.fileno() if file_descriptor is None else file_descriptor, loss_line=loss_line
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
    """How many lines this process has not written, since nobody read those before them."""
    return _writer.dropped if _writer is not None else 0


def event_writer(event: str, service: str) -> WriteEvent:
    """How to write many events of one kind, level info, at little cost: `request`, that is.

    It is a structlog logger's `info` unless lines are JSON; then the line is made here at once.
    """
    log = structlog.get_logger()
    processors = structlog.get_config()["processors"]
    writer = _writer
    if writer is None or _render_json not in processors:
        return lambda members: log.info(event, **members)
    if not log.is_enabled_for(LEVELS["info"]):
        return lambda members: None
    head = {"timestamp": "", "level": "info", "event": event, "service": service}

    def write(members: dict[str, Any]) -> None:
        head["timestamp"] = _now()
        writer.write(_json_line(head | members))

    return write


class _LineLogger:
    """What structlog calls with a rendered line."""

    __slots__ = ("critical", "debug", "error", "exception", "info", "msg", "warning")

    def __init__(self, writer: LineWriter) -> None:
        write = writer.write
        self.debug = self.info = self.warning = self.error = write
        self.critical = self.exception = self.msg = write


class _Console:
    """structlog's renderer for people, as bytes, and as nothing that their terminal obeys."""

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


def _in_order(event: EventDict, service: str, method: str) -> EventDict:
    ordered: EventDict = {
        "timestamp": _now(),
        "level": "warning" if method == "warn" else "error" if method == "exception" else method,
        "event": event.pop("event", ""),
        "service": event.pop("service", service),
    }
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
    except TypeError:  # another key or value, a lone surrogate, a number beyond 64 bits
        line = json.dumps(event, default=str).encode()
    return printable_line(line)


class _Clock:
    """RFC 3339 with milliseconds; what has not changed since the last time is not made again."""

    def __init__(self) -> None:
        self._second = self._millisecond = -1
        self._to_the_second = self._text = ""

    def __call__(self) -> str:
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            second, thousandths = divmod(millisecond, 1000)
            if second != self._second:
                self._second = second
                self._to_the_second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._text = f"{self._to_the_second}.{thousandths:03d}Z"
        return self._text


_now = _Clock()
