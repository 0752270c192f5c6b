"""Messages between the master and its workers: a length in four bytes, then a JSON object.

The standard library alone is imported, since both the master and workers of another release use it.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

Message = dict[str, Any]

#: Names the descriptor of a worker's end of the socket pair.
WORKER_FD = "LOCKGATE_WORKER_FD"
#: Names the descriptor of the file that has the master's state.
MASTER_STATE = "LOCKGATE_MASTER_STATE"

#: Why a worker is stopped: another one has taken its place, or the whole gateway stops.
REPLACED, GATEWAY_STOPS = "replaced", "gateway"

_LENGTH = struct.Struct("!I")


def encode(message: Mapping[str, Any]) -> bytes:
    """The message as it is sent."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts what comes in into messages."""

    def __init__(self, rest: bytes = b"") -> None:
        self._bytes = bytearray(rest)

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole by now."""
        self._bytes += data
        while len(self._bytes) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._bytes)[0]
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            yield json.loads(body)

    @property
    def rest(self) -> bytes:
        """The beginning of a message whose end has not come yet."""
        return bytes(self._bytes)
