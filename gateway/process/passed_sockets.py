"""The listening sockets that systemd passes (LISTEN_FDS), so that the port stays open over restarts."""

import contextlib
import ipaddress
import os
import socket
import sys
from collections.abc import Collection, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass

from discovery.model.errors import SettingsError

LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"
#: systemd's protocol: the first descriptor.
FIRST = 3
PUBLIC, ADMIN = "public", "admin"
#: No process has more descriptors than a number of so many digits says.
_MOST_DIGITS = 6
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
ADVICE = "leave the variable out, or change ListenStream= in the socket unit"


@dataclass(frozen=True, slots=True)
class PassedSockets:
    """What was passed; None: this process binds a socket by its settings."""

    public: socket.socket | None = None
    admin: socket.socket | None = None

    @property
    def variables(self) -> dict[str, str]:
        """The variables as the sockets have them: where one was passed, it wins over a setting."""
        found: dict[str, str] = {}
        if self.public is not None:
            host, port = self.public.getsockname()[:2]
            found |= {"GATEWAY_HOST": host, "GATEWAY_PORT": str(port)}
        if self.admin is not None:
            found["ADMIN_LISTEN"] = _listen(self.admin)
        return found

    def overrule(self, environ: MutableMapping[str, str]) -> None:
        """Set the variables, and say on standard error which of them said something else."""
        for name, value in self.variables.items():
            given = environ.get(name)
            if given and not _same(given, value):
                told = (
                    f"lockgate: {name}={given} is not used: the socket that was passed has {value}"
                )
                print(f"{told}; {ADVICE}", file=sys.stderr)  # noqa: T201
            environ[name] = value


#: What a process has that was started by hand.
NOTHING_PASSED = PassedSockets()


def take_passed_sockets(environ: MutableMapping[str, str], first: int = FIRST) -> PassedSockets:
    """Take what was passed to this process, and remove the variables, which are not for its children.

    Raises SettingsError where a descriptor is not a listening socket, or nothing says what it is for.
    """
    pid, count, names = (environ.pop(name, "") for name in (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES))
    if not count or pid != str(os.getpid()):  # for a process that this one comes from
        return NOTHING_PASSED
    if not count.isascii() or not count.isdigit() or len(count) > _MOST_DIGITS:
        raise SettingsError(f"{LISTEN_FDS}={count}: it has to be a number of descriptors")
    called = names.split(":") if names else ["unknown"] * int(count)
    if len(called) != int(count):
        raise SettingsError(
            f"{LISTEN_FDNAMES}={names}: it has {len(called)} names, and {LISTEN_FDS} is {count}"
        )
    with ExitStack() as if_refused:
        found: dict[str, socket.socket] = {}
        for descriptor, name in enumerate(called, first):
            sock = if_refused.enter_context(_socket(descriptor, name))
            meant = name if name in (PUBLIC, ADMIN) else PUBLIC
            if why_not := _why_not(sock, meant, found):
                raise SettingsError(f"{LISTEN_FDS}: descriptor {descriptor} ({name}) {why_not}")
            found[meant] = sock
        if_refused.pop_all()
    return PassedSockets(found.get(PUBLIC), found.get(ADMIN))


def _socket(descriptor: int, name: str) -> socket.socket:
    """The socket at a descriptor; no program that this one starts inherits it unasked."""
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise SettingsError(
            f"{LISTEN_FDS}: descriptor {descriptor} ({name}) is no socket: {error.strerror}"
        ) from None
    sock.set_inheritable(False)
    return sock


def _why_not(sock: socket.socket, meant: str, found: Collection[str]) -> str:
    """What is wrong with a socket; empty if it can be used."""
    if sock.family not in _FAMILIES or sock.type != socket.SOCK_STREAM:
        return "is no TCP or UNIX stream socket: use ListenStream="
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "does not listen: use ListenStream= and Accept=no"
    if sock.family == socket.AF_UNIX and not isinstance(sock.getsockname(), str):
        return "is a UNIX socket that has no file: use ListenStream=/run/lockgate/admin.sock"
    if meant in found:
        return (
            f"is a second socket for `{meant}`: each is told by FileDescriptorName={PUBLIC} or "
            f"FileDescriptorName={ADMIN} in its socket unit; ListenStream=[::]:PORT takes IPv4 and IPv6"
        )
    if meant == PUBLIC and sock.family == socket.AF_UNIX:
        return (
            f"is a UNIX socket, and the public one has to be a TCP socket: "
            f"use FileDescriptorName={ADMIN} for the admin address"
        )
    return ""


def _listen(sock: socket.socket) -> str:
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _same(given: str, value: str) -> bool:
    """Whether they mean the same; a host name may, so it counts as the same."""
    if given == value:
        return True
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(value)
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(given) == ipaddress.ip_address(value)
        return True
    return False
