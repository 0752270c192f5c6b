"""Resolves names off the request's path: known addresses are kept and refreshed in the background."""

import asyncio
import contextlib
import ipaddress
import socket
import time
from dataclasses import dataclass, field
from functools import partial

from discovery.base.shortage import is_own_shortage
from discovery.model.addresses import IPAddress
from gateway.upstream.looking_up import LookUp, LookUps, look_up

FRESH_FOR_S = 10.0
#: A name is forgotten when no request has asked for it for this long.
FORGOTTEN_AFTER_S = 60.0
#: After this long the last answer is used, though it may be out of date.
ASKED_ANEW_FOR_S = 0.5


@dataclass(slots=True)
class _Name:
    addresses: list[IPAddress]
    #: When to ask again (monotonic s).
    due_s: float
    #: None of the addresses took a connection.
    doubted: bool = False
    used_s: float = field(default_factory=time.monotonic)


class Resolver:
    """Resolves host names; an address literal is its own answer."""

    def __init__(self, look_up: LookUp = look_up, *, fresh_for_s: float = FRESH_FOR_S) -> None:
        self._look_ups = LookUps(look_up)
        self._fresh_for_s = fresh_for_s
        self._names: dict[str, _Name] = {}

    async def resolve(self, host: str) -> list[IPAddress]:
        """Find the addresses of a host, in the system's order. Raises OSError if there are none."""
        with contextlib.suppress(ValueError):
            return [ipaddress.ip_address(host)]
        known = self._names.get(host)
        if known is not None:
            known.used_s = time.monotonic()
            if not known.doubted or await self._stands(host, known):
                return known.addresses
        # Shielded: others may wait for the same look-up.
        addresses = await asyncio.shield(self._look_ups.begin(host))
        self._learned(host, addresses)
        return addresses

    def known(self, host: str) -> list[IPAddress] | None:
        """The last answer, the same object until there is a new one; None if the name was not asked for."""
        name = self._names.get(host)
        return name.addresses if name is not None else None

    def doubt(self, host: str) -> None:
        """Ask again next time, because none of the host's addresses took a connection."""
        name = self._names.get(host)
        if name is not None:
            name.doubted = True

    def refresh(self) -> None:
        """Start look-ups for names that are due, and forget names that nobody uses."""
        now_s = time.monotonic()
        for host, name in list(self._names.items()):
            if now_s - name.used_s > FORGOTTEN_AFTER_S:
                del self._names[host]
            elif now_s >= name.due_s:
                name.due_s = now_s + self._fresh_for_s
                answer = self._look_ups.begin(host, refreshes=True)
                answer.add_done_callback(partial(self._refreshed, host))

    async def _stands(self, host: str, name: _Name) -> bool:
        """Ask again; False if the name no longer exists. The last answer is used if none comes soon."""
        name.doubted = False  # the next request need not wait too
        answer = self._look_ups.begin(host)
        await asyncio.wait([answer], timeout=ASKED_ANEW_FOR_S)
        if not answer.done() or _says_nothing(answer.exception()):
            return True
        if answer.exception() is not None:
            self._names.pop(host, None)
        else:
            self._learned(host, answer.result())
        return answer.exception() is None

    def _refreshed(self, host: str, answer: asyncio.Future[list[IPAddress]]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return  # the last answer stands
        if host in self._names:
            self._learned(host, answer.result())

    def _learned(self, host: str, addresses: list[IPAddress]) -> None:
        known = self._names.get(host)
        due_s = time.monotonic() + self._fresh_for_s
        if known is None:
            self._names[host] = _Name(addresses, due_s)
            return
        known.due_s, known.doubted = due_s, False
        if known.addresses != addresses:
            known.addresses = addresses


def _says_nothing(error: BaseException | None) -> bool:
    """Whether the failure is the resolver's own and says nothing about the name."""
    silent = isinstance(error, socket.gaierror) and error.errno in (
        socket.EAI_AGAIN,
        socket.EAI_FAIL,
    )
    return silent or isinstance(error, TimeoutError) or is_own_shortage(error)
