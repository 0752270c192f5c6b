"""Dialing: resolve an instance's host, hold each address against the policy, connect to the first that takes it."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from discovery.addresses import AddressPolicy, IPAddress
from discovery.errors import ForbiddenAddress
from discovery.instance import Instance
from gateway.upstream.resolver import Resolver

P = TypeVar("P", bound=asyncio.Protocol)


class Dialer:
    """Makes connections to instances; `policy` is replaced once the gateway knows its own listeners."""

    def __init__(self, policy: AddressPolicy, connect_timeout_s: float) -> None:
        self.policy = policy
        self.resolver = Resolver()
        self._connect_timeout_s = connect_timeout_s

    async def connect(self, instance: Instance, protocol: Callable[[socket.socket], P]) -> P:
        """A connected protocol. Raises OSError (TimeoutError is one) or ForbiddenAddress.

        All addresses of a name are tried in turn, within the one time-out.
        """
        async with asyncio.timeout(self._connect_timeout_s):
            error: Exception = OSError("the name has no address")
            for address in await self.resolver.resolve(instance.host):
                reason = self._why_forbidden(instance.host, address, instance.port)
                if reason is not None:
                    error = ForbiddenAddress(f"{instance.host} is {address}: {reason}")
                    continue
                try:
                    return await _connect(instance, address, protocol)
                except OSError as refused:
                    error = refused
            self.resolver.forget(instance.host)
            raise error

    def _why_forbidden(self, host: str, address: IPAddress, port: int) -> str | None:
        is_local = self.policy.listens_on(port) and _is_local(address)
        return self.policy.why_forbidden(host, address, port, is_local=is_local)


async def _connect(
    instance: Instance, address: IPAddress, protocol: Callable[[socket.socket], P]
) -> P:
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, (str(address), instance.port))
        tls = instance.scheme == "https"
        _, connected = await loop.create_connection(
            lambda: protocol(sock),
            sock=sock,
            ssl=_tls() if tls else None,
            server_hostname=instance.host if tls else None,
        )
    except BaseException:
        sock.close()
        raise
    return connected


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
