"""Levels and styles of the log, by the names that they have here."""

from typing import Literal

Level = Literal["debug", "info", "warning", "error", "critical"]
Style = Literal["json", "console"]
LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
LEVELS_IN_WORDS = "must be debug, info, warning (or warn), error or critical"


def in_lower_case(text: object) -> object:
    """A level or style as they are called here, from one in any case; WARN is a level too."""
    if not isinstance(text, str):
        return text
    return {"warn": "warning"}.get(text.lower(), text.lower())
