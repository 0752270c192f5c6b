"""Where discovery's events go: as the program has it with structlog, else to standard `logging`, which is quiet."""

import logging
from typing import Any

import structlog

_structured = structlog.get_logger()
_standard = logging.getLogger("lockgate.discovery")


class Log:
    """A logger that asks at each event whether the program has configured structlog.

    Unconfigured, structlog prints to standard output, where a script's own results go. `logging`
    drops what is below a warning and writes the rest to standard error, until a program says
    otherwise for the logger `lockgate.discovery`.
    """

    def info(self, event: str, *, text: str = "", **fields: object) -> None:
        """With `text`, `logging` gets that, for people, in place of the event and its fields."""
        self._log("info", logging.INFO, event, fields, text)

    def warning(self, event: str, *, text: str = "", **fields: object) -> None:
        self._log("warning", logging.WARNING, event, fields, text)

    def exception(self, event: str, **fields: object) -> None:
        """An error, with the traceback of the exception that is being handled."""
        self._log("exception", logging.ERROR, event, fields)

    def _log(
        self, method: str, level: int, event: str, fields: dict[str, Any], text: str = ""
    ) -> None:
        if structlog.is_configured():
            getattr(_structured, method)(event, **fields)
        else:
            text = text or " ".join((event, *(f"{key}={value!r}" for key, value in fields.items())))
            _standard.log(level, "%s", text, exc_info=method == "exception")
