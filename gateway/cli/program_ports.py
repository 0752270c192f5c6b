"""Warnings about the ports that a registered program opens: an unexpected one, or one for everybody."""

import ipaddress
from collections.abc import Sequence

from gateway.machine.open_ports import OpenPort

#: How many ports a warning names.
_MOST_NAMED = 3


def told_of_another_port(wanted: int, opened: Sequence[OpenPort], localhost: Sequence[str]) -> str:
    """Where a program listens if `wanted` can't reach it; empty if that is unknown.

    `localhost` are the addresses of that name here.
    """
    for one in opened:
        if one.port == wanted and not _is_any(one.address):
            return (
                f"{one.who} listens on {one.where} alone, and localhost is {' and '.join(localhost)} "
                f"here: give --host {one.address}, or let it listen on {localhost[0]}"
            )
    others = {one.port: one for one in opened if one.port != wanted}
    if not others:
        return ""
    seen = " and ".join(
        f"{one.who} listens on {one.where}" for one in list(others.values())[:_MOST_NAMED]
    )
    ports = " or ".join(map(str, list(others)[:_MOST_NAMED]))
    return f"nothing listens on port {wanted} yet; {seen}: if that is it, give --port {ports}"


def told_of_open_to_everybody(port: int, host: str, opened: Sequence[OpenPort]) -> str:
    """Warn if others reach the program without the gateway; empty if not, or if they should.

    Someone who registers another host than this machine wants others to connect there.
    """
    if not _is_own(host):
        return ""
    for one in opened:
        if one.port == port and _is_any(one.address):
            return (
                f"{one.who} listens on every address of this machine, {one.where}: others reach it "
                "without the gateway; bind it to 127.0.0.1"
            )
    return ""


def _is_any(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_unspecified


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
