"""Connects to instances: resolves the host, checks each address by the policy, tries them in order."""

import asyncio
import errno
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from discovery.base.shortage import is_own_shortage
from discovery.model.addresses import AddressPolicy, IPAddress
from discovery.model.errors import ForbiddenAddress
from discovery.model.instance import Instance
from gateway.upstream.reading import Reader
from gateway.upstream.resolver import Resolver
from gateway.upstream.sockets import connect
from gateway.upstream.tls import TlsLayer
from gateway.upstream.tls_terms import TlsOfServices

P = TypeVar("P", bound=Reader)

#: The next address is tried as well once an attempt has taken this long (RFC 8305 §5).
ATTEMPT_DELAY_S = 0.25


class Dialer:
    """Makes connections to instances; `policy` is replaced once the gateway knows its own listeners."""

    def __init__(self, policy: AddressPolicy) -> None:
        self.policy = policy
        self.resolver = Resolver()
        #: How https instances of each service are verified.
        self.tls = TlsOfServices()
        #: Requests use only descriptors below this number; the rest are for other uses.
        self.requests_below = sys.maxsize

    async def connect(
        self,
        instance: Instance,
        protocol: Callable[[socket.socket], P],
        *,
        within_s: float,
        below: int = sys.maxsize,
    ) -> P:
        """Connect a protocol. Raises OSError (TimeoutError is one) or ForbiddenAddress.

        `below`: only descriptors below this number are used.

        All addresses of a name are tried within that time. Each is tried once the previous one has
        failed or is slow, so an address that hangs does not block the next.
        """
        async with asyncio.timeout(within_s):
            allowed: list[IPAddress] = []
            error: Exception = OSError("the name has no address")
            for address in await self.resolver.resolve(instance.host):
                reason = self._why_forbidden(instance, address)
                if reason is not None:
                    error = _forbidden(instance.host, address, reason)
                else:
                    allowed.append(address)
            try:
                if not allowed:
                    raise error
                if len(allowed) == 1:
                    return (await _connect(instance, allowed[0], protocol, below, self.tls))[1]
                return await _first_to_connect(instance, allowed, protocol, below, self.tls)
            except (OSError, ForbiddenAddress) as why:
                if not is_own_shortage(why):
                    self.resolver.doubt(instance.host)
                raise

    def _why_forbidden(self, instance: Instance, address: IPAddress) -> str | None:
        host, port, policy = instance.host, instance.port, self.policy
        is_local = policy.listens_on(port) and _is_local(address)
        if instance.source == "file":
            return policy.why_forbidden_to_all(address, port, is_local=is_local)
        return policy.why_forbidden(host, address, port, is_local=is_local)


async def _first_to_connect(
    instance: Instance,
    addresses: Sequence[IPAddress],
    protocol: Callable[[socket.socket], P],
    below: int,
    tls: TlsOfServices,
) -> P:
    """Connect by happy eyeballs (RFC 8305): attempts overlap, the first connection wins, the others end."""
    attempts: list[asyncio.Task[tuple[asyncio.BaseTransport, P]]] = []
    winner: asyncio.Task[tuple[asyncio.BaseTransport, P]] | None = None
    untried = deque(addresses)
    pending: set[asyncio.Task[tuple[asyncio.BaseTransport, P]]] = set()
    try:
        while untried or pending:
            if untried:
                attempt = asyncio.create_task(
                    _connect(instance, untried.popleft(), protocol, below, tls)
                )
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
        # A shortage of our own explains more than a refused connection.
        short = (one for one in attempts if is_own_shortage(one.exception()))
        return next(short, attempts[-1]).result()[1]  # it raises the attempt's error
    finally:
        losers = [one for one in attempts if one is not winner]
        for loser in losers:
            loser.cancel()
        for ended in await asyncio.gather(*losers, return_exceptions=True):
            if not isinstance(ended, BaseException):  # it connected too, but second
                ended[0].close()


async def _connect(
    instance: Instance,
    address: IPAddress,
    protocol: Callable[[socket.socket], P],
    below: int,
    tls: TlsOfServices,
) -> tuple[asyncio.BaseTransport, P]:
    loop = asyncio.get_running_loop()
    sock = _socket(address, below)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await connect(sock, (str(address), instance.port))
        made = protocol(sock)
        if instance.scheme != "https":
            return await loop.create_connection(lambda: made, sock=sock)
        context, server_name = tls.of(instance.name, instance.host)
        layer = TlsLayer(context, server_name, sock, made)
        await loop.create_connection(lambda: layer, sock=sock)
    except BaseException:
        sock.close()
        raise
    await layer.handshake()
    return layer, made


def _socket(address: IPAddress, below: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    if sock.fileno() >= below:
        sock.close()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return sock


def _forbidden(host: str, address: IPAddress, reason: str) -> ForbiddenAddress:
    is_address = host == str(address)
    return ForbiddenAddress(f"{host} is {reason if is_address else f'{address}: {reason}'}")


def _is_local(address: IPAddress) -> bool:
    """Whether this machine has the address: a socket can be bound only to an own address."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL and is_own_shortage(error):
            raise  # we could not find out
        return False
    return True
