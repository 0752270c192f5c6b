"""How commands show a configuration file and its mistakes."""

from typing import Any

from gateway.config.file.configuration import Configuration
from gateway.config.file.loading import STANDARD_INPUT, Read


def named(file: str) -> str:
    """The file as messages name it."""
    return "<stdin>" if file == STANDARD_INPUT else file


def in_numbers(configuration: Configuration) -> str:
    """How much is in the file, as in `12 routes, 2 services, 3 limits`."""
    parts = (
        (len(configuration.routes), "route"),
        (len(configuration.services), "service"),
        (len(configuration.limits), "limit"),
    )
    return ", ".join(f"{number} {what}{'' if number == 1 else 's'}" for number, what in parts)


def as_documents(file: str, read: Read) -> list[dict[str, Any]]:
    return [
        {
            "file": named(file),
            "line": mistake.position.line,
            "column": mistake.position.column,
            "path": mistake.path,
            "message": mistake.message,
            "level": mistake.level,
        }
        for mistake in read.mistakes
    ]
