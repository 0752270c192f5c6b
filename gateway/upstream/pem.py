"""Gives certificates to OpenSSL: those with keys, which Python loads from files alone, and authorities."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def text_of(pem: bytes) -> str:
    """Certificates of authorities as Python takes them: comments beside them may be in any language."""
    return pem.decode("ascii", "ignore")


def load_pair(context: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Use a certificate chain with its key, both in PEM. Raises ssl.SSLError."""
    with _as_file(key.strip() + b"\n" + chain) as path:
        context.load_cert_chain(path)


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A file that nobody else can read."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        number = os.memfd_create("pair")
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{number}"
        return
    with tempfile.NamedTemporaryFile() as named:  # its mode is 0600
        named.write(data)
        named.flush()
        yield named.name
