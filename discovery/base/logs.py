"""Discovery's events: they go to structlog where the program has configured it, else to `logging`."""

import logging
from typing import Any

import structlog

_structured = structlog.get_logger()
_standard = logging.getLogger("lockgate.discovery")


class Log:
    """A logger that asks at each event whether the program has configured structlog.

    Unconfigured, structlog prints to standard output, where a script's results go. `logging` drops
    events below a warning and writes the rest to standard error, until a program sets the logger
    `lockgate.discovery` otherwise.
    """

    def info(self, event: str, *, text: str = "", **fields: object) -> None:
        """Log an event; with `text`, `logging` prints that text instead of the event and its fields."""
        self._log("info", logging.INFO, event, fields, text)

    def warning(self, event: str, *, text: str = "", **fields: object) -> None:
        self._log("warning", logging.WARNING, event, fields, text)

    def exception(self, event: str, **fields: object) -> None:
        """Log an error with the traceback of the exception that is being handled."""
        self._log("exception", logging.ERROR, event, fields)

    def _log(
        self, method: str, level: int, event: str, fields: dict[str, Any], text: str = ""
    ) -> None:
        if structlog.is_configured():
            getattr(_structured, method)(event, **fields)
        else:
            text = text or " ".join((event, *(f"{key}={value!r}" for key, value in fields.items())))
            _standard.log(level, "%s", text, exc_info=method == "exception")
