"""The secondary key: the values of the fields that Vary names (RFC 9111 §4.1)."""

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

from middlewares.cache.deciding.keys import DIGEST_BYTES, joined
from middlewares.cache.entry import FieldLine

#: An answer that varies by more fields is not kept.
MOST_NAMES: Final = 32
#: Longer secondary keys are hashed.
WHOLE_BYTES: Final = 64

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_BLANKS = b" \t"
#: Blanks within a name or a number are left: they make another value, which a service may take for any.
_PARTED = re.compile(rb"[ \t]*+;[ \t]*+")
#: Only the gateway writes these, so they differ where keys don't.
_OUR_OWN = frozenset((b"via", b"x-correlation-id", b"x-forwarded-for", b"client-cert"))
_OF_IDENTITY = b"x-auth-"
#: The primary key decides these.
_OF_PRIMARY_KEY = frozenset(
    (b"host", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-prefix")
)
#: No order among equal weights is meant (RFC 9110 §12.4.2, §12.5.3, §12.5.4), and names are without case.
_WEIGHTED = frozenset((b"accept-encoding", b"accept-language", b"accept-charset"))


def vary_names(
    fields: Iterable[FieldLine], *, is_keyed_by_subject: bool = False
) -> tuple[bytes, ...] | None:
    """The names in an answer's Vary, in lower case and in order; None: no later request is known to match."""
    lines = [value for name, value in fields if name.lower() == b"vary"]
    if not lines:
        return ()
    names: set[bytes] = set()
    for item in b",".join(lines).lower().split(b","):
        name = item.strip(b" \t")
        if not name or name in _OF_PRIMARY_KEY:
            continue
        if name == b"*" or name in _OUR_OWN or _TOKEN.fullmatch(name) is None:
            return None
        if name.startswith(_OF_IDENTITY):
            if not is_keyed_by_subject:
                return None
            continue
        names.add(name)
        if len(names) > MOST_NAMES:
            return None
    return tuple(sorted(names))


def secondary(names: Sequence[bytes], fields: Iterable[FieldLine]) -> bytes:
    """The values that a request has for these names, as `vary_names` returns them.

    A field that is not there is another one than an empty one.
    """
    if not names:
        return b""
    found: dict[bytes, list[bytes]] = {name: [] for name in names}
    for name, value in fields:
        lines = found.get(name.lower())
        if lines is not None:
            lines.append(value)
    parts = [_normal(name, b", ".join(lines)) if lines else b"" for name, lines in found.items()]
    told = bytes([bool(lines) for lines in found.values()]) + joined(parts)
    if len(told) <= WHOLE_BYTES:
        return b"=" + told
    return b"#" + blake2b(told, digest_size=DIGEST_BYTES).digest()


def _normal(name: bytes, value: bytes) -> bytes:
    """The value in one spelling for all that mean the same."""
    if name == b"cookie" or b'"' in value:
        return value
    if name in _WEIGHTED:
        items = {_PARTED.sub(b";", item.strip(_BLANKS)) for item in value.lower().split(b",")}
        return b",".join(sorted(items - {b""}))
    return b",".join([item for part in value.split(b",") if (item := part.strip(_BLANKS))])
