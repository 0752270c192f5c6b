"""Reads and compiles the configuration file, in steps, or says all that is wrong with it."""

from collections.abc import Sequence
from pathlib import Path

from discovery.base.steps import Steps, at_once, let_go
from gateway.config.compiled.compiling import Compiled, compiling
from gateway.config.file.checked_routes import CheckedRoutes
from gateway.config.file.differences import differences
from gateway.config.file.loading import reading
from gateway.config.settings import GatewaySettings
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.configuration.reloading import ConfigurationRejected
from gateway.worker.configuration.signature import read_regular


def read_file(file: Path, settings: GatewaySettings) -> AtStart:
    """Raises ConfigurationRejected."""
    routes = CheckedRoutes()

    def compiled_of(content: bytes) -> Steps[Compiled]:
        return compiling_text(content, str(file), settings, routes)

    try:
        content = read_regular(file)
    except OSError as error:
        message = f"GATEWAY_CONFIG={str(file)!r}: it can't be read: {error.strerror}"
        raise ConfigurationRejected([message]) from None
    compiled = at_once(compiled_of(content))
    return AtStart(file, content, compiled, compiled_of, _differences, Compiled.parts)


def compiling_text(
    content: bytes, name: str, settings: GatewaySettings, routes: CheckedRoutes | None = None
) -> Steps[Compiled]:
    """Compile the bytes of a file with this name, whose `routes` are those of the reading before.

    Raises ConfigurationRejected.
    """
    read = yield from reading(content, routes)
    configuration, errors, parts = read.configuration, read.errors, list(read.parts())
    del read
    yield from let_go(parts)
    if configuration is None:
        raise ConfigurationRejected([mistake.line(name) for mistake in errors])
    return (yield from compiling(configuration, settings))


def _differences(before: Compiled, after: Compiled) -> Steps[Sequence[str]]:
    return differences(before.configuration, after.configuration)
