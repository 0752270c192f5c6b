"""The sockets that a gateway listens at: bound, and not listening yet."""

import os
import socket
import stat
from pathlib import Path
from typing import Any

from gateway.config.settings import GatewaySettings
from gateway.machine.bind_failures import reason
from gateway.process.passed_sockets import NOTHING_PASSED, PassedSockets

#: The variables of the listening address, as messages name them.
PUBLIC_ADDRESS = "GATEWAY_HOST, GATEWAY_PORT"


def bind(settings: GatewaySettings, passed: PassedSockets = NOTHING_PASSED) -> list[socket.socket]:
    """The public socket, and the admin's if there is one; OSError says what is in the way."""
    public = passed.public
    if public is None:
        public = _bind_tcp(settings.gateway_host, settings.gateway_port, PUBLIC_ADDRESS)
    sockets = [public]
    if passed.admin is not None:
        return [*sockets, passed.admin]
    if settings.admin_listen is None:
        return sockets
    if settings.admin_listen.startswith("unix:"):
        return [*sockets, _bind_unix(settings.admin_listen.removeprefix("unix:"))]
    host, _, port = settings.admin_listen.rpartition(":")
    return [*sockets, _bind_tcp(host.strip("[]"), int(port), "ADMIN_LISTEN")]


def _bind_tcp(host: str, port: int, variable: str) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bound(sock, address)
    except OSError as error:
        why = reason(error, port)
        raise OSError(f"can't listen on {host}:{port} ({variable}): {why}") from None


def _bind_unix(path: str) -> socket.socket:
    try:
        _remove_dead_socket(path)
        return _bound(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path)
    except OSError as error:
        raise OSError(f"can't listen on {path} (ADMIN_LISTEN): {error.strerror}") from None


def _bound(sock: socket.socket, address: Any) -> socket.socket:
    try:
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_dead_socket(path: str) -> None:
    """Remove what a killed process left behind; a file of anybody else stays."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
