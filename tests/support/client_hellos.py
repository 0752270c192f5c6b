"""The first message of a client that speaks TLS, as bytes."""

import contextlib
import ssl
from collections.abc import Iterable, Iterator


def hello(name: str | None, protocol: str = "http/1.1") -> bytes:
    """A ClientHello in one record."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.set_alpn_protocols([protocol])
    sent = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


def records(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Each part of a message in a record of its own."""
    for part in parts:
        yield b"\x16\x03\x01" + len(part).to_bytes(2) + part
