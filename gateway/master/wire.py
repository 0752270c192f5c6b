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
#: No message is longer; whoever announces one does not speak this language.
MOST_BYTES = 64 * 1024 * 1024


class NoMessageError(Exception):
    """What came is not a message, so nothing that follows can be told apart either."""


def encode(message: Mapping[str, Any]) -> bytes:
    """The message as it is sent."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts what comes in into messages."""

    def __init__(self, rest: bytes = b"") -> None:
        self._bytes = bytearray(rest)

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole by now. Raises NoMessageError."""
        self._bytes += data
        while len(self._bytes) >= _LENGTH.size:
            length = _LENGTH.unpack_from(self._bytes)[0]
            if length > MOST_BYTES:
                raise NoMessageError(
                    f"{length} bytes were announced, and {MOST_BYTES} are the most"
                )
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            yield _message(body)

    @property
    def rest(self) -> bytes:
        """The beginning of a message whose end has not come yet."""
        return bytes(self._bytes)


def _message(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoMessageError(f"{body[:40]!r} is no JSON: {error}") from None
    if not isinstance(message, dict):
        raise NoMessageError(f"{body[:40]!r} is no JSON object")
    return message
