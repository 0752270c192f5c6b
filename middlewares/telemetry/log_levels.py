"""The names of log levels and styles."""

from typing import Literal

Level = Literal["debug", "info", "warning", "error", "critical"]
Style = Literal["json", "console"]
LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
LEVELS_IN_WORDS = "must be debug, info, warning (or warn), error or critical"


def in_lower_case(text: object) -> object:
    """The lower-case name of a level or style given in any case; WARN becomes `warning`."""
    if not isinstance(text, str):
        return text
    return {"warn": "warning"}.get(text.lower(), text.lower())
