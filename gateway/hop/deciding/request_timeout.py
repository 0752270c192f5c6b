"""Reads and writes X-Request-Timeout: how long a client waits for its answer, and what is left of it."""

import re

NAME = b"x-request-timeout"
_SECONDS = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def asked_timeout_s(value: bytes) -> float | None:
    """The seconds that a client asks for; None: no limit of its own, because it is 0 or not valid.

    What is not valid is passed on as it came. Clients sent the field to services before the gateway
    knew of it, perhaps in a form of their own, and a refusal would break them.
    """
    if not _SECONDS.fullmatch(value):
        return None
    return float(value) or None


def timeout_line(left_s: float) -> bytes:
    """The line for an instance with what is left; it is never 0, which would be no limit."""
    left_ms = max(1, int(left_s * 1000))
    return b"X-Request-Timeout: %d.%03d\r\n" % divmod(left_ms, 1000)
