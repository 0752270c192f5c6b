"""What a client's first bytes ask for, before OpenSSL reads them."""

from collections.abc import Iterator

_CHALLENGE = b"\x0aacme-tls/1"
_SERVER_NAME = 0


def asks_for_challenge(data: bytes) -> bool:
    """Whether an ACME server looks for the proof of TLS-ALPN-01: its hello is always in one piece."""
    return _CHALLENGE in data


def server_name(data: bytes) -> str | None:
    """The server name in a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3); None if there is none in these bytes."""
    name = _name(data)
    return name.decode("ascii") if name and name.isascii() else None


def has_odd_name(data: bytes) -> bool:
    """Whether the server name in these bytes is not ASCII, as RFC 6066 wants it."""
    return not _name(data).isascii()


def _name(data: bytes) -> bytes:
    try:
        for kind, content in _extensions(data):
            if kind == _SERVER_NAME:
                length = int.from_bytes(content[3:5])
                return content[5 : 5 + length]
    except IndexError:
        pass
    return b""


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 5 + 4 + 2 + 32  # record, handshake, version, random
    at += 1 + data[at]  # session
    at += 2 + int.from_bytes(data[at : at + 2])  # cipher suites
    at += 1 + data[at]  # compression
    end = at + 2 + int.from_bytes(data[at : at + 2])
    at += 2
    while at + 4 <= min(end, len(data)):
        kind, length = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length
