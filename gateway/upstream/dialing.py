"""Dialing: resolve an instance's host, hold each address against the policy, connect to the first that takes it."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

from discovery.addresses import AddressPolicy, IPAddress
from discovery.errors import ForbiddenAddress
from discovery.instance import Instance
from gateway.upstream.resolver import Resolver
from gateway.upstream.sockets import connect

P = TypeVar("P", bound=asyncio.BaseProtocol)

#: A connection attempt is given so long before the next address is tried beside it (RFC 8305 §5).
ATTEMPT_DELAY_S = 0.25


class Dialer:
    """Makes connections to instances; `policy` is replaced once the gateway knows its own listeners."""

    def __init__(self, policy: AddressPolicy, connect_timeout_s: float) -> None:
        self.policy = policy
        self.resolver = Resolver()
        self._connect_timeout_s = connect_timeout_s

    async def connect(self, instance: Instance, protocol: Callable[[socket.socket], P]) -> P:
        """A connected protocol. Raises OSError (TimeoutError is one) or ForbiddenAddress.

        All addresses of a name are tried within the one time-out, each when the one before has failed
        or is slow: one that hangs keeps nobody from the next.
        """
        async with asyncio.timeout(self._connect_timeout_s):
            allowed: list[IPAddress] = []
            error: Exception = OSError("the name has no address")
            for address in await self.resolver.resolve(instance.host):
                reason = self._why_forbidden(instance.host, address, instance.port)
                if reason is not None:
                    error = ForbiddenAddress(f"{instance.host} is {address}: {reason}")
                else:
                    allowed.append(address)
            try:
                if not allowed:
                    raise error
                if len(allowed) == 1:
                    return (await _connect(instance, allowed[0], protocol))[1]
                return await _first_to_connect(instance, allowed, protocol)
            except (OSError, ForbiddenAddress):
                self.resolver.forget(instance.host)
                raise

    def _why_forbidden(self, host: str, address: IPAddress, port: int) -> str | None:
        is_local = self.policy.listens_on(port) and _is_local(address)
        return self.policy.why_forbidden(host, address, port, is_local=is_local)


async def _first_to_connect(
    instance: Instance, addresses: Sequence[IPAddress], protocol: Callable[[socket.socket], P]
) -> P:
    """Happy eyeballs (RFC 8305): the attempts overlap, the first connection wins, the others end."""
    attempts: list[asyncio.Task[tuple[asyncio.BaseTransport, P]]] = []
    winner: asyncio.Task[tuple[asyncio.BaseTransport, P]] | None = None
    untried = deque(addresses)
    pending: set[asyncio.Task[tuple[asyncio.BaseTransport, P]]] = set()
    try:
        while untried or pending:
            if untried:
                attempt = asyncio.create_task(_connect(instance, untried.popleft(), protocol))
                attempts.append(attempt)
                pending.add(attempt)
            done, pending = await asyncio.wait(
                pending,
                timeout=ATTEMPT_DELAY_S if untried else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            winner = next((one for one in done if one.exception() is None), None)
            if winner is not None:
                return winner.result()[1]
        return attempts[-1].result()[1]  # it raises why it failed
    finally:
        losers = [one for one in attempts if one is not winner]
        for loser in losers:
            loser.cancel()
        for ended in await asyncio.gather(*losers, return_exceptions=True):
            if not isinstance(ended, BaseException):  # it came second
                ended[0].close()


async def _connect(
    instance: Instance, address: IPAddress, protocol: Callable[[socket.socket], P]
) -> tuple[asyncio.BaseTransport, P]:
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await connect(sock, (str(address), instance.port))
        tls = instance.scheme == "https"
        return await loop.create_connection(
            lambda: protocol(sock),
            sock=sock,
            ssl=_tls() if tls else None,
            server_hostname=instance.host if tls else None,
        )
    except BaseException:
        sock.close()
        raise


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
