"""Which coding a client gets, by its Accept-Encoding (RFC 9110, section 12.5.3)."""

import re
from collections.abc import Sequence
from typing import Final

#: A longer value is not read, and its client gets no coding; those of browsers have 30 bytes.
MOST_BYTES: Final = 1024
IDENTITY: Final = b""

_MEMBER = re.compile(
    rb"(?P<coding>[!#$%&'*+.^_`|~0-9A-Za-z-]+)"
    rb"(?:[ \t]*;[ \t]*[qQ]=(?P<q>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_ANY: Final = b"*"
_OTHER_NAMES: Final = {b"x-gzip": b"gzip"}


def chosen(accept_encoding: bytes | None, encodings: Sequence[bytes]) -> bytes:
    """The coding that the client prefers, of equals the first of `encodings`; IDENTITY: none of them.

    `accept_encoding` is None where the client has sent none: it would take any coding, but may know none.
    Of a coding that is named twice the smaller value counts. A member that is not well-formed says nothing.
    """
    if not accept_encoding or len(accept_encoding) > MOST_BYTES:
        return IDENTITY
    said = _qualities(accept_encoding)
    of_others = said.get(_ANY)
    best, most = IDENTITY, 0
    for coding in encodings:
        quality = said.get(coding, of_others or 0)
        if quality > most:
            best, most = coding, quality
    # A client that does not name identity takes it, but would rather have what it names.
    return best if most >= said.get(b"identity", of_others or 0) else IDENTITY


def _qualities(value: bytes) -> dict[bytes, int]:
    """The value of each coding in thousandths."""
    said: dict[bytes, int] = {}
    for member in value.split(b","):
        found = _MEMBER.fullmatch(member.strip(b" \t"))
        if found is None:
            continue
        name = found["coding"].lower()
        name = _OTHER_NAMES.get(name, name)
        quality = 1000 if found["q"] is None else round(float(found["q"]) * 1000)
        said[name] = min(quality, said.get(name, 1000))
    return said
