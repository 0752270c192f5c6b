"""Checks that the environment means what its author meant."""

import socket
from collections.abc import Iterator, Mapping

from discovery.model.errors import SettingsError
from gateway.cli.examining.findings import Finding
from gateway.config.near_names import near_names
from gateway.config.settings import GatewaySettings, load_settings
from gateway.stack.changes.variables import known_variables


def settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Report each variable that is wrong, and each that looks like ours but is never read."""
    try:
        loaded = load_settings(environ)
    except SettingsError as error:
        yield Finding("settings", "failed", str(error), "correct the variable, or unset it")
    else:
        yield from _loaded(loaded)
    for variable, meant in near_names(environ, known_variables()).items():
        detail = f"{variable} is set, and nothing reads it"
        yield Finding(variable, "warning", detail, f"set {meant}, if that is meant")


def _loaded(loaded: GatewaySettings) -> Iterator[Finding]:
    try:
        socket.getaddrinfo(loaded.gateway_host, None, flags=socket.AI_PASSIVE)
    except OSError as error:
        detail = f"GATEWAY_HOST={loaded.gateway_host!r}: {error.strerror}"
        yield Finding("settings", "failed", detail, "name an address of this machine, or unset it")
        return
    if loaded.admin_token is None:
        detail = (
            "no ADMIN_TOKEN here: `make up` and `lockgate serve` make one, other starts need it"
        )
        yield Finding("settings", "ok", detail)
        return
    yield Finding("settings", "ok", "every variable is valid")
