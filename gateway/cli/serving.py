"""The work of `lockgate serve`, and what it prints."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.cli.first_steps import FirstSteps
from gateway.cli.output import log_line_for_people, print_progress
from gateway.cli.program_group import ProgramGroup
from gateway.config.settings import GatewaySettings
from gateway.stack.foreground import Foreground
from gateway.stack.logs.tee import Render
from gateway.stack.plan import REGISTRY_PORT, gateway_port
from gateway.stack.state import StackRecord, StackState, stack_state
from middlewares.programs.stop_signals import stops_raised


def serve_in_foreground(
    port: int | None, host: str | None, data_dir: Path | None, config: Path | None, offset: int
) -> None:
    """Serve until SIGTERM or ^C; raises UsageError or StackError if it can't start."""
    state = StackState(data_dir.resolve()) if data_dir else stack_state(Path.cwd(), offset)
    environ = _environment(os.environ, port, host, config, offset)
    options: tuple[str, ...] = ()
    if data_dir:
        options = ("--data-dir", str(state.directory))
    elif offset:
        options = ("--port-offset", str(offset))

    def tell(settings: GatewaySettings, record: StackRecord) -> None:
        print_progress(str(FirstSteps(state, settings, record, options)))

    with ProgramGroup() as group, stops_raised():
        Foreground(
            state=state,
            environ=environ,
            registry_port=REGISTRY_PORT + offset,
            group=group.id,
            out=sys.stdout.fileno(),
            render=_renderer(environ.get("LOG_FORMAT")),
            report=print_progress,
            started=tell,
        ).run()


def _environment(
    environ: Mapping[str, str],
    port: int | None,
    host: str | None,
    config: Path | None,
    offset: int,
) -> dict[str, str]:
    """The environment with the options in it; an option wins over its variable."""
    said = dict(environ)
    if port is not None:
        said["GATEWAY_PORT"] = str(port)
    elif offset:
        said["GATEWAY_PORT"] = str(gateway_port(offset, environ))
    if host is not None:
        said["GATEWAY_HOST"] = host
    if config is not None:
        said["GATEWAY_CONFIG"] = str(config)
    return said


def _renderer(log_format: str | None) -> Render:
    """How to show the log: as LOG_FORMAT says, else for people on a terminal."""
    style = (log_format or ("console" if sys.stdout.isatty() else "json")).lower()
    return _for_people if style == "console" else bytes


def _for_people(lines: bytes) -> bytes:
    return b"".join(
        log_line_for_people(json.loads(line)).encode() + b"\n" for line in lines.splitlines()
    )
