"""`lockgate register`: runs any program as an instance of a service."""

import asyncio
import logging
import os
from typing import Annotated

import typer

from discovery.announcement import make_announcement
from discovery.errors import DiscoveryError
from discovery.health_check import BODY, PROBE, STATUSES
from discovery.registrar import Registrar
from gateway.cli.http_registrar import HttpRegistrar
from gateway.cli.output import print_error, print_progress
from gateway.cli.program import NotStarted, run_registered
from gateway.cli.program_group import ProgramGroup
from gateway.cli.terminal import Terminal
from gateway.stack.failures import UsageError

EPILOG = (
    "Exit statuses: the program's own; 128 + N when signal N ended it; 126 it can't be run; 127 it "
    "is not found; 1 another program has the port, or the registration is refused; 2 asked for "
    "something that makes no sense. "
    "Example: lockgate register --name orders --port 9000 --health-path /health -- ./orders -v"
)


def add_to(app: typer.Typer) -> None:
    # What follows the program's name is the program's, with or without `--`.
    app.command(epilog=EPILOG, context_settings={"allow_interspersed_args": False})(register)


def register(
    command: Annotated[
        list[str], typer.Argument(metavar="-- PROGRAM [ARGS]...", help="What is run.")
    ],
    name: Annotated[str, typer.Option(help="The service; /api/NAME goes to it.")],
    port: Annotated[int, typer.Option(help="Where the program listens.")],
    host: Annotated[
        str | None,
        typer.Option(help="What others connect to; else ADVERTISE_HOST, else localhost."),
    ] = None,
    health_path: Annotated[
        str | None, typer.Option(help="Healthy is what answers 200 to 299 there.")
    ] = None,
    health_status: Annotated[
        str | None,
        typer.Option(metavar="STATUSES", help="Healthy are these instead, as in 200-299,401."),
    ] = None,
    health_body: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What a healthy answer has to contain.")
    ] = None,
    health_probe: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="http, tcp or heartbeat; else http with --health-path, tcp without.",
        ),
    ] = None,
    tcp: Annotated[
        bool, typer.Option("--tcp", help="Healthy is what takes connections (the default).")
    ] = False,
    weight: Annotated[int, typer.Option(help="Its share of the requests, 0 to 1000.")] = 1,
    version: Annotated[str | None, typer.Option(help="A semantic version.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="May be given several times.")
    ] = None,
    ttl: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="When it lapses without heartbeats; else INSTANCE_TTL."
        ),
    ] = None,
    instance_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="The instance's ID; else that of this port here."),
    ] = None,
    via_http: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A gateway to register with; else the registry, REDIS_URL."
        ),
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="The gateway's admin token; else ADMIN_TOKEN.")
    ] = None,
    starts_within: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="Time for the port to be free, and to open."),
    ] = 10.0,
) -> None:
    """Run a program, and keep it registered while it takes connections.

    SIGTERM and SIGINT drain it first: the program and what it has started get the signal when no new
    requests come. Other signals are the program's at once: it reloads, say, and stays registered.
    The registry being away stops nothing; it is registered when the registry is back.
    """
    if tcp and health_path is not None:
        raise UsageError("--tcp and --health-path: only one of them can be the probe")
    if tcp and health_probe not in (None, "tcp"):
        raise UsageError("--tcp and --health-probe: only one of them can be the probe")
    health = {PROBE: health_probe, STATUSES: health_status, BODY: health_body}
    logging.basicConfig(level=logging.INFO, format="lockgate: %(message)s")  # standard error
    try:
        announcement = make_announcement(
            name=name,
            port=port,
            host=host,
            health_path=health_path,
            metadata=_with_health(_pairs(metadata or []), health),
            version=version,
            weight=weight,
            instance_id=instance_id,
            settings=None,
            ttl_s=ttl,
            registrar=_registrar(via_http, token or os.environ.get("ADMIN_TOKEN")),
        )
    except DiscoveryError as error:
        raise UsageError(str(error)) from None
    try:
        with ProgramGroup() as group, Terminal() as terminal:
            status = asyncio.run(
                run_registered(
                    command,
                    announcement,
                    group,
                    terminal,
                    starts_within_s=starts_within,
                    report=lambda text: print_progress(f"lockgate: {text}"),
                )
            )
    except NotStarted as failure:
        print_error(str(failure))
        status = failure.status
    raise typer.Exit(status)


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or key in pairs:
            raise UsageError(f"--metadata {text}: must be KEY=VALUE, each key once")
        pairs[key] = value
    return pairs


def _with_health(pairs: dict[str, str], health: dict[str, str | None]) -> dict[str, str]:
    """The metadata with those that the options for health stand for."""
    given = {key: value for key, value in health.items() if value is not None}
    for key in given.keys() & pairs.keys():
        raise UsageError(f"--metadata {key}=…: there is an option for it, give one of them")
    return pairs | given


def _registrar(url: str | None, token: str | None) -> Registrar | None:
    """The registrar of --via-http; None is the registry itself."""
    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--via-http {url}: must begin with http:// or https://")
    if not token:
        raise UsageError("--via-http: needs the gateway's admin token, --token or ADMIN_TOKEN")
    return HttpRegistrar(url.rstrip("/"), token)
