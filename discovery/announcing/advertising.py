"""The host that an instance registers: `ADVERTISE_HOST`, or the machine's own address."""

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..base.logs import Log
from ..model.errors import SettingsError
from ..model.registry_url import parse_server_group

OWN_ADDRESS = "ADVERTISE_OWN_ADDRESS"
_YES, _NO = ("1", "true", "t", "yes", "y", "on"), ("", "0", "false", "f", "no", "n", "off")

_log = Log()


def advertised_host(url: str, environ: Mapping[str, str] = os.environ) -> str:
    """`ADVERTISE_HOST`, else `localhost`; with `ADVERTISE_OWN_ADDRESS=1` this machine's address.

    `url` is that of the registry, or of a gateway. All replicas of one container share its name, so a
    connection to the name reaches any of them. The address belongs to one replica alone.
    """
    host = environ.get("ADVERTISE_HOST") or "localhost"
    text = environ.get(OWN_ADDRESS, "")
    if text.lower() in _NO:
        return host
    if text.lower() not in _YES:
        raise SettingsError(f"{OWN_ADDRESS}={text!r}: must be 1 or 0")
    address = own_address(url)
    if address is None:
        _log.warning("announce.own_address_unknown", text=_WHY, host=host, detail=_WHY)
    return address or host


_WHY = (
    f"{OWN_ADDRESS}: the registry's host has no address now, or is this machine; "
    "ADVERTISE_HOST is registered instead"
)


def own_address(url: str) -> str | None:
    """The address from which this machine reaches the URL's host; None where others can't use it.

    On a machine in several networks it is the address in the network that leads to the host. Nothing
    is sent. IPv4 is preferred, since a container listens at 0.0.0.0 even if its network has IPv6.
    """
    for host, port in _hosts(url):
        for family, to in _resolved(host, port):
            with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect(to)
                address = sock.getsockname()[0]
                if _leads_here(address):
                    return str(address)
    return None


def _resolved(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    """The host's addresses with their families, IPv4 first; empty where the name is unknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return []
    return sorted(
        ((family, to) for family, _, _, _, to in found), key=lambda one: one[0] != socket.AF_INET
    )


def _hosts(url: str) -> Iterator[tuple[str, int]]:
    group = parse_server_group(url)
    if group is not None:
        yield from group.nodes
        return
    parts = urlsplit(url)
    if parts.hostname:
        yield parts.hostname, parts.port or 1  # the port makes no difference


def _leads_here(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    return not (ip.is_loopback or ip.is_link_local or ip.is_unspecified)
