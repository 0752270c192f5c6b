"""Dialing: resolve an instance's host, hold every address against the policy, connect to the first that takes it."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from discovery.addresses import AddressPolicy, IPAddress
from discovery.errors import ForbiddenAddress
from discovery.instance import Instance

P = TypeVar("P", bound=asyncio.Protocol)


@dataclass(slots=True)
class Dialer:
    """Makes connections to instances; `policy` is replaced once the gateway knows its own listeners."""

    policy: AddressPolicy
    connect_timeout_s: float

    async def connect(
        self, instance: Instance, protocol: Callable[[], P], port: int | None = None
    ) -> P:
        """A connected protocol. Raises OSError (TimeoutError is one) or ForbiddenAddress.

        All addresses of a name are tried in turn, within the one time-out.
        """
        port = instance.port if port is None else port
        tls = instance.scheme == "https"
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.connect_timeout_s):
            error: Exception = OSError("the name has no address")
            for address in await self._resolve(instance.host, port):
                reason = self._why_forbidden(instance.host, address, port)
                if reason is not None:
                    error = ForbiddenAddress(f"{instance.host} is {address}: {reason}")
                    continue
                try:
                    _, connected = await loop.create_connection(
                        protocol,
                        str(address),
                        port,
                        ssl=_tls() if tls else None,
                        server_hostname=instance.host if tls else None,
                    )
                except OSError as refused:
                    error = refused
                    continue
                return connected
            raise error

    async def _resolve(self, host: str, port: int) -> list[IPAddress]:
        with contextlib.suppress(ValueError):
            return [ipaddress.ip_address(host)]
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # A scoped address (fe80::1%eth0) is link-local, and forbidden with or without its scope.
        texts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
        return [ipaddress.ip_address(text) for text in texts]

    def _why_forbidden(self, host: str, address: IPAddress, port: int) -> str | None:
        is_local = self.policy.listens_on(port) and _is_local(address)
        return self.policy.why_forbidden(host, address, port, is_local=is_local)


def _is_local(address: IPAddress) -> bool:
    """This machine has the address: only then can a socket be bound to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


@cache
def _tls() -> ssl.SSLContext:
    """The system's certificate authorities; an instance is held to its registered host name."""
    return ssl.create_default_context()
