"""Ports beside the public one, bound by the master for all workers that ask for them."""

import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.master.state import PortState

_BACKLOG = 128


@dataclass(slots=True)
class _Port:
    sock: socket.socket
    holders: set[str] = field(default_factory=set)


class Ports:
    """Each is one listening socket; it closes when no worker holds it any longer."""

    def __init__(self, going_on: Iterable[PortState] = ()) -> None:
        self._ports: dict[tuple[str, int], _Port] = {}
        for one in going_on:
            os.set_inheritable(one.descriptor, False)
            sock = socket.socket(fileno=one.descriptor)
            self._ports[one.host, one.port] = _Port(sock, set(one.holders))

    def ask(self, worker: str, host: str, port: int) -> tuple[dict[str, Any], int | None]:
        """Let a worker hold a port: the answer, and a descriptor of its own where it may."""
        held = self._ports.get((host, port))
        try:
            if held is None:
                held = self._ports[host, port] = _Port(_bound(host, port))
            descriptor = os.dup(held.sock.fileno())
        except OSError as error:
            if held is not None and not held.holders:  # it was bound for this worker
                self._without(worker, (host, port))
            return {"errno": error.errno or errno.EINVAL, "why": error.strerror}, None
        held.holders.add(worker)
        return {}, descriptor

    def leave(self, worker: str, host: str, port: int) -> None:
        """The worker does not hold this port any longer."""
        if (host, port) in self._ports:
            self._without(worker, (host, port))

    def ended(self, worker: str) -> None:
        """The worker has ended."""
        for address in list(self._ports):
            self._without(worker, address)

    def handed_on(self) -> list[PortState]:
        return [
            PortState(host, port, held.sock.fileno(), sorted(held.holders))
            for (host, port), held in self._ports.items()
        ]

    def close(self) -> None:
        for held in self._ports.values():
            held.sock.close()
        self._ports.clear()

    def _without(self, worker: str, address: tuple[str, int]) -> None:
        held = self._ports[address]
        held.holders.discard(worker)
        if not held.holders:
            held.sock.close()
            del self._ports[address]


def _bound(host: str, port: int) -> socket.socket:
    """Listening, so that clients wait rather than are refused while workers come and go. Raises OSError."""
    family, kind, proto, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
