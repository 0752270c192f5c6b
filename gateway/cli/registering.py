"""The work of `lockgate register`: runs any program as an instance of a service."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from discovery.announcing.advertising import advertised_host
from discovery.announcing.announcement import make_announcement
from discovery.announcing.registrar import Registrar
from discovery.model.errors import DiscoveryError
from discovery.model.health_check import BODY, HOST, PROBE, STATUSES
from discovery.model.settings import without_password
from discovery.model.words import COMMAND_LINE
from gateway.cli.http_registrar import HttpRegistrar
from gateway.cli.output import print_error, print_progress
from gateway.cli.program import NotStarted, run_registered
from gateway.cli.program_group import ProgramGroup
from gateway.cli.registry_meant import registry_by_now, registry_settings, what_to_start
from gateway.cli.stack_registrar import StackRegistrar
from gateway.cli.terminal import Terminal
from gateway.config.urls import check_url
from gateway.machine.ports import free_port
from gateway.stack.failures import UsageError
from gateway.stack.running.addresses import UNIX


def run_as_instance(
    command: Sequence[str],
    *,
    name: str,
    port: int,
    host: str | None,
    health_path: str | None,
    health_status: str | None,
    health_body: str | None,
    health_host: str | None,
    health_probe: str | None,
    tcp: bool,
    weight: int,
    version: str | None,
    metadata: Sequence[str],
    ttl: float | None,
    instance_id: str | None,
    via_http: str | None,
    token: str | None,
    starts_within: float,
    port_offset: str,
    data_dir: Path | None,
) -> int:
    """Return the exit status: the program's own, or one of those in the command's help."""
    if tcp and health_path is not None:
        raise UsageError("--tcp and --health-path: only one of them can be the probe")
    if tcp and health_probe not in (None, "tcp"):
        raise UsageError("--tcp and --health-probe: only one of them can be the probe")
    health = {PROBE: health_probe, STATUSES: health_status, BODY: health_body, HOST: health_host}
    over_http = _over_http(via_http, token or os.environ.get("ADMIN_TOKEN"))
    logging.basicConfig(level=logging.INFO, format="lockgate: %(message)s")  # standard error
    of_the_registry: list[str] = []
    try:
        stack = None if over_http else _of_a_stack(port_offset, data_dir, of_the_registry.append)
        announcement = make_announcement(
            name=name,
            port=port or free_port(),
            host=host or (advertised_host(via_http) if via_http else None),
            health_path=health_path,
            metadata=_with_health(_pairs(metadata), health),
            version=version,
            weight=weight,
            instance_id=instance_id,
            settings=stack.settings if stack else None,
            ttl_s=ttl,
            starts_within_s=starts_within,
            registrar=stack or over_http,
            words=COMMAND_LINE,
        )
    except DiscoveryError as error:
        raise UsageError(str(error)) from None
    for line in of_the_registry:  # after the checks: a mistake is reported alone
        _say(line)
    try:
        with ProgramGroup() as group, Terminal() as terminal:
            status = asyncio.run(
                run_registered(
                    command,
                    announcement,
                    group,
                    terminal,
                    starts_within_s=starts_within,
                    report=_say,
                )
            )
    except NotStarted as failure:
        print_error(str(failure))
        status = failure.status
    return status


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or key in pairs:
            raise UsageError(f"--metadata {text}: must be KEY=VALUE, each key once")
        pairs[key] = value
    return pairs


def _with_health(pairs: dict[str, str], health: dict[str, str | None]) -> dict[str, str]:
    """Add the metadata that the health options stand for."""
    given = {key: value for key, value in health.items() if value is not None}
    for key in given.keys() & pairs.keys():
        raise UsageError(f"--metadata {key}=…: there is an option for it, give one of them")
    return pairs | given


def _of_a_stack(
    port_offset: str, data_dir: Path | None, say: Callable[[str], None]
) -> StackRegistrar:
    settings = registry_settings(port_offset, data_dir, say=say)
    return StackRegistrar(
        settings,
        partial(registry_by_now, port_offset, data_dir),
        partial(what_to_start, port_offset, data_dir),
        _say,
    )


def _over_http(url: str | None, token: str | None) -> Registrar | None:
    """The registrar of --via-http; None means the registry itself."""
    if url is None:
        return None
    try:
        url = url if url.startswith(f"{UNIX}/") else check_url(url)
    except ValueError as error:
        said = f"--via-http {without_password(url)}: {error}; or {UNIX}/path"
        raise UsageError(said) from None
    if not token:
        raise UsageError("--via-http: needs the gateway's admin token, --token or ADMIN_TOKEN")
    return HttpRegistrar(url, token)


def _say(text: str) -> None:
    print_progress(f"lockgate: {text}")
