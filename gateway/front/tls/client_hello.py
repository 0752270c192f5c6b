"""What a client's first message asks for, before OpenSSL reads it."""

from collections.abc import Iterator
from typing import Final

#: Most bytes of it with those of its records: a hello with keys against quantum computers has 2 KiB.
MOST_BYTES: Final = 32 * 1024
_HANDSHAKE: Final = 0x16
_RECORD_HEAD, _MESSAGE_HEAD = 5, 4
_SERVER_NAME, _PROTOCOLS = 0, 16
_CHALLENGE: Final = b"\x0aacme-tls/1"


class ClientHello:
    """Puts the message together from the pieces of TCP and from records (RFC 8446 §5.1).

    `received` is all that has come, as OpenSSL wants it.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self._message = bytearray()
        #: Where the next record begins in `received`.
        self._at = 0

    def is_whole(self, data: bytes | memoryview) -> bool:
        """Take what has come; False: the message goes on. What is no record is OpenSSL's to refuse."""
        received, message = self.received, self._message
        received += data
        while len(received) >= (begins := self._at + _RECORD_HEAD):
            ends = begins + int.from_bytes(received[begins - 2 : begins])
            if received[self._at] != _HANDSHAKE:
                return True
            if len(received) < ends:
                break
            message += received[begins:ends]
            self._at = ends
            length = _MESSAGE_HEAD + int.from_bytes(message[1:_MESSAGE_HEAD])
            if len(message) >= max(length, _MESSAGE_HEAD):
                return True
        return False

    @property
    def is_too_long(self) -> bool:
        """Whether it is longer than MOST_BYTES, or says that it will be."""
        return max(len(self.received), int.from_bytes(self._message[1:_MESSAGE_HEAD])) > MOST_BYTES

    @property
    def asks_for_challenge(self) -> bool:
        """Whether an ACME server looks for the proof of TLS-ALPN-01: it offers this protocol alone."""
        return self._extension(_PROTOCOLS)[2:] == _CHALLENGE

    @property
    def server_name(self) -> str | None:
        """The name that is asked for (RFC 6066 §3); None: none, or none in ASCII."""
        name = self._name
        return name.decode("ascii") if name and name.isascii() else None

    @property
    def has_odd_name(self) -> bool:
        """Whether the server name is not ASCII, as RFC 6066 wants it."""
        return not self._name.isascii()

    @property
    def _name(self) -> bytes:
        content = self._extension(_SERVER_NAME)
        return content[5 : 5 + int.from_bytes(content[3:5])]

    def _extension(self, wanted: int) -> bytes:
        try:
            return next(
                (content for kind, content in _extensions(self._message) if kind == wanted), b""
            )
        except IndexError:
            return b""


def _extensions(message: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    at = _MESSAGE_HEAD + 2 + 32  # version, random
    at += 1 + message[at]  # session
    at += 2 + int.from_bytes(message[at : at + 2])  # cipher suites
    at += 1 + message[at]  # compression
    end = at + 2 + int.from_bytes(message[at : at + 2])
    at += 2
    while at + 4 <= min(end, len(message)):
        kind, length = (
            int.from_bytes(message[at : at + 2]),
            int.from_bytes(message[at + 2 : at + 4]),
        )
        yield kind, bytes(message[at + 4 : at + 4 + length])
        at += 4 + length
