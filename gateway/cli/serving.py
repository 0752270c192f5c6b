"""The work of `lockgate serve`, and what it prints."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given."""

    port: int | None
    host: str | None
    data_dir: Path | None
    config: Path | None
    domains: tuple[str, ...]
    email: str | None
    offset: int
    workers: str | None = None


def serve_in_foreground(asked: Asked) -> None:
    """Serve until SIGTERM or ^C; raises UsageError or StackError if it can't start."""
    data_dir, offset = asked.data_dir, asked.offset
    state = StackState(data_dir.resolve()) if data_dir else stack_state(Path.cwd(), offset)
    environ = environment(os.environ, asked, state.admin_socket)
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


def environment(environ: Mapping[str, str], asked: Asked, admin_socket: Path) -> dict[str, str]:
    """The environment with the options in it; an option wins over its variable.

    With a domain the gateway is open to the Internet, and commands reach it at `admin_socket`.
    """
    said = dict(environ)
    if asked.port is not None:
        said["GATEWAY_PORT"] = str(asked.port)
    elif asked.offset:
        said["GATEWAY_PORT"] = str(gateway_port(asked.offset, environ))
    if asked.host is not None:
        said["GATEWAY_HOST"] = asked.host
    if asked.config is not None:
        said["GATEWAY_CONFIG"] = str(asked.config)
    if asked.workers is not None:
        said["GATEWAY_WORKERS"] = asked.workers
    if asked.email is not None:
        said["ACME_EMAIL"] = asked.email
    if asked.domains:
        said["ACME_DOMAINS"] = ",".join(asked.domains)
        # Where the authority and browsers come to.
        said["GATEWAY_PORT"] = said.get("GATEWAY_PORT") or "443"
        said["GATEWAY_HOST"] = said.get("GATEWAY_HOST") or "0.0.0.0"
        said["ADMIN_LISTEN"] = said.get("ADMIN_LISTEN") or f"unix:{admin_socket}"
    return said


def _renderer(log_format: str | None) -> Render:
    """How to show the log: as LOG_FORMAT says, else for people on a terminal."""
    style = (log_format or ("console" if sys.stdout.isatty() else "json")).lower()
    return _for_people if style == "console" else bytes


def _for_people(lines: bytes) -> bytes:
    return b"".join(
        log_line_for_people(json.loads(line)).encode() + b"\n" for line in lines.splitlines()
    )
