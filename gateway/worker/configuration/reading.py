"""Reads and compiles the configuration file, in steps, or says all that is wrong with it."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from discovery.base.steps import Steps, at_once, let_go
from gateway.config.compiled.compiling import Compiled, compiling
from gateway.config.file.checked_routes import CheckedRoutes
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import Contents, changed, parsing
from gateway.config.file.differences import differences
from gateway.config.file.held_files import Held, hold
from gateway.config.file.loading import reading
from gateway.config.file.mistakes import Mistake
from gateway.config.file.named_files import Wanted
from gateway.config.settings import GatewaySettings
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.configuration.drafts import Draft, NamedFiles
from gateway.worker.configuration.kept import KeptFile
from gateway.worker.configuration.reloading import ConfigurationRejected, Origin
from gateway.worker.configuration.signature import read_regular


def read_file(file: Path, settings: GatewaySettings) -> AtStart:
    """Raises ConfigurationRejected."""
    try:
        content = read_regular(file)
    except OSError as error:
        message = f"GATEWAY_CONFIG={str(file)!r}: it can't be read: {error.strerror}"
        raise ConfigurationRejected([message]) from None
    return _at_start(file, settings, content)


def read_kept(file: Path, settings: GatewaySettings, kept: KeptFile) -> AtStart:
    """The file as it was when it was put in force. Raises ConfigurationRejected."""
    return _at_start(file, settings, kept.content, kept.held)


def _at_start(
    file: Path, settings: GatewaySettings, content: bytes, kept: Sequence[Held] | None = None
) -> AtStart:
    routes = CheckedRoutes()

    def draft_of(content: bytes) -> Steps[Draft[Compiled]]:
        return drafting(content, str(file), file.parent, settings, routes)

    draft = at_once(draft_of(content))
    held = draft.named.hold() if kept is None else tuple(kept)
    compiled = at_once(draft.finish(held))
    return AtStart(
        file,
        Origin.of(content, draft.named, held),
        compiled,
        draft_of,
        _differences,
        Compiled.parts,
        KeptFile(content, held),
    )


def drafting(
    content: bytes,
    name: str,
    folder: Path,
    settings: GatewaySettings,
    routes: CheckedRoutes | None = None,
) -> Steps[Draft[Compiled]]:
    """Read the bytes of a file with this name, whose `routes` are those of the reading before.

    `folder` is where the paths of the files begin that it names. Raises ConfigurationRejected.
    """
    read = yield from reading(content, routes, folder=folder)
    configuration, errors, parts, wanted = (
        read.configuration,
        read.errors,
        list(read.parts()),
        read.wanted,
    )
    del read
    yield from let_go(parts)
    if configuration is None:
        raise _rejected(errors, name)
    named = NamedFiles(
        tuple(one.file for one in wanted if one.file is not None), partial(hold, wanted)
    )
    return Draft(partial(_compiling, configuration, wanted, name, settings), named)


def _compiling(
    configuration: Configuration,
    wanted: Sequence[Wanted],
    name: str,
    settings: GatewaySettings,
    held: Sequence[Held],
) -> Steps[Compiled]:
    """Raises ConfigurationRejected."""
    contents = yield from parsing(wanted, held)
    if not isinstance(contents, Contents):
        raise _rejected(contents, name)
    return (yield from compiling(configuration, settings, contents))


def _rejected(mistakes: Iterable[Mistake], name: str) -> ConfigurationRejected:
    return ConfigurationRejected([mistake.line(name) for mistake in sorted(mistakes)])


def _differences(before: Compiled, after: Compiled) -> Steps[Sequence[str]]:
    found = yield from differences(before.configuration, after.configuration)
    return [*found, *changed(before.contents, after.contents)]
