"""Structured logs: one JSON object a line on standard output, made by structlog and orjson."""

import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog

#: The ID of the request that the current task works for, or None outside a request.
correlation_id_var: ContextVar[str | None] = ContextVar("correlation_id", default=None)

LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}

EventDict = MutableMapping[str, Any]


def configure_logging(
    *,
    service: str,
    level: str = "info",
    style: Literal["json", "console"] = "json",
    stream: TextIO | None = None,
) -> None:
    """Send every structlog event of this process to `stream` (standard output) in the contract's shape.

    `level` is one of LEVELS; `service` is the name that each line carries.
    """

    def stamp(_logger: object, method: str, event: EventDict) -> EventDict:
        return _in_order(event, service, method)

    renderer: Any = structlog.dev.ConsoleRenderer() if style == "console" else _render_json
    structlog.configure(
        processors=[
            stamp,
            *([] if style == "console" else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stdout),
        cache_logger_on_first_use=False,
    )


def _in_order(event: EventDict, service: str, method: str) -> EventDict:
    ordered: EventDict = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": "warning" if method == "warn" else "error" if method == "exception" else method,
        "event": event.pop("event", ""),
        "service": event.pop("service", service),
    }
    correlation_id = event.pop("correlation_id", None) or correlation_id_var.get()
    if correlation_id is not None:
        ordered["correlation_id"] = correlation_id
    ordered.update(event)
    return ordered


def _render_json(_logger: object, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
