"""How commands show a configuration file and its mistakes."""

from typing import Any

from discovery.base.steps import at_once
from discovery.model.errors import SettingsError
from gateway.config.compiled.compiling import compiling
from gateway.config.compiled.describing import configured_routes, routes_to_discover
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import Contents
from gateway.config.file.loading import STANDARD_INPUT, Read
from gateway.config.settings import load_settings
from gateway.stack.failures import UsageError


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


def described(configuration: Configuration, contents: Contents) -> dict[str, Any]:
    """The routes of a file, with the settings in the environment; UsageError: one of these is wrong."""
    try:
        settings = load_settings()
    except SettingsError as error:
        raise UsageError(str(error)) from None
    compiled = at_once(compiling(configuration, settings, contents))
    return {
        "discover": compiled.prefix,
        "routes": at_once(configured_routes(compiled, settings)),
        "discovered": routes_to_discover(compiled, settings),
    }


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
