"""A worker's place in its gateway: what the master gave it at the start."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.machine.shared_counts import SharedCounts
from gateway.master.wire import WORKER_FD, Decoder, Message

#: The name, beside the sockets, of the memory with the number of connections of each worker.
COUNTS = "counts"

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Seat:
    """`begin` is the master's first message; `channel` leads to it, and `rest` came after the message."""

    begin: Message
    channel: socket.socket
    rest: bytes = b""

    def listening(self, name: str) -> socket.socket | None:
        """The socket `public` or `admin` that all workers share; None if there is none."""
        descriptors: Mapping[str, Any] = self.begin["sockets"]
        return None if name not in descriptors else socket.socket(fileno=descriptors[name])

    @property
    def counts(self) -> SharedCounts | None:
        """The numbers of connections of all workers; None where the system has no such memory."""
        descriptor = self.begin["sockets"].get(COUNTS)
        if descriptor is None:
            return None
        return SharedCounts(descriptor, self.begin["workers"], self.begin["slot"])


def seat_of_this_process() -> Seat | None:
    """Its place among the workers of a master; None for a process that nobody started as a worker."""
    said = os.environ.pop(WORKER_FD, None)
    if said is None:
        return None
    sock = socket.socket(fileno=int(said))
    sock.set_inheritable(False)
    decoder = Decoder()
    while data := sock.recv(_PIECE):
        for message in decoder.feed(data):
            return Seat(message, sock, decoder.rest)
    raise SystemExit("lockgate: the master has gone")
