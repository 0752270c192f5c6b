"""Request fields that say what only the gateway may say, in any spelling that applications read as one.

CGI and WSGI read `X_Forwarded_For` and `X-Forwarded-For` as the same variable.
"""

from gateway.forwarding.field_lines import HOP_BY_HOP

#: Who the client was found to be; instances believe it, so nobody outside may say it.
_IDENTITY_PREFIX = b"x-auth-"
_IDENTITY = frozenset([b"client-cert", b"client-cert-chain"])
_FORWARDING_PREFIX = b"x-forwarded-"
_OURS_AND_FRAMING = HOP_BY_HOP | {b"content-length", b"http2-settings", b"x-correlation-id"}


def is_claim(lower: bytes) -> bool:
    """The field of this name (lower-case) is dropped and counted, whoever sent it."""
    read_as = lower.replace(b"_", b"-")
    if read_as.startswith(_IDENTITY_PREFIX) or read_as in _IDENTITY:
        return True
    if read_as == lower:  # every other name in its own spelling has a rule of its own
        return False
    return read_as.startswith(_FORWARDING_PREFIX) or read_as in _OURS_AND_FRAMING
