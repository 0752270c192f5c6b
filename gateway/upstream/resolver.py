"""Names to addresses, off the request's path: known ones are kept, and asked for again in the background."""

import asyncio
import contextlib
import ipaddress
import socket
import time
from dataclasses import dataclass, field

from discovery.addresses import IPAddress

FRESH_FOR_S = 10.0
#: A name that no request asked for in so long is forgotten.
FORGOTTEN_AFTER_S = 60.0


@dataclass(slots=True)
class _Name:
    addresses: list[IPAddress]
    resolved_s: float
    used_s: float = field(default_factory=time.monotonic)


class Resolver:
    """Resolves host names; an address literal is its own answer."""

    def __init__(self) -> None:
        self._names: dict[str, _Name] = {}

    async def resolve(self, host: str) -> list[IPAddress]:
        """The addresses of a host, in the system's order. Raises OSError when it has none."""
        with contextlib.suppress(ValueError):
            return [ipaddress.ip_address(host)]
        known = self._names.get(host)
        if known is not None:
            known.used_s = time.monotonic()
            return known.addresses
        return await self._ask(host)

    def forget(self, host: str) -> None:
        """None of its addresses takes connections: ask anew next time."""
        self._names.pop(host, None)

    async def refresh(self) -> None:
        """Ask again for what is no longer fresh, and forget what nobody uses."""
        now_s = time.monotonic()
        for host, name in list(self._names.items()):
            if now_s - name.used_s > FORGOTTEN_AFTER_S:
                self.forget(host)
            elif now_s - name.resolved_s >= FRESH_FOR_S:
                with contextlib.suppress(OSError):  # the last answer stands
                    await self._ask(host)

    async def _ask(self, host: str) -> list[IPAddress]:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        # A scoped address (fe80::1%eth0) is link-local, and forbidden with or without its scope.
        texts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
        addresses = [ipaddress.ip_address(text) for text in texts]
        used_s = self._names[host].used_s if host in self._names else time.monotonic()
        self._names[host] = _Name(addresses, time.monotonic(), used_s)
        return addresses
