"""Evidence about an instance, in words: what was asked of it, and what came of that.

Addresses, and what an instance sent, stand in brackets at the end of a text and nowhere else.
`for_anybody` removes them.
"""

import os
import ssl
from urllib.parse import urlsplit

from ..model.errors import ForbiddenAddress
from ..model.health_check import Ranges
from ..model.instance import Instance

#: For an instance that is healthy.
WEIGHTLESS = "its weight is 0: it gets no requests"

_INSIDE = " ("


def asked_of(instance: Instance) -> str:
    """What the probe of an instance asks; only the path of a health URL: its query may be secret."""
    kind = instance.health_check.kind
    if kind == "http":
        return f"GET {urlsplit(instance.health_check_url or '').path or '/'}"
    return "a connect" if kind == "tcp" else "HEAD /"


def answers(asked: str, status: int) -> str:
    return f"{asked} answers {status}"


def answers_otherwise(asked: str, status: int, expected: Ranges) -> str:
    ranges = (f"{low} to {high}" if low < high else str(low) for low, high in expected)
    return f"{answers(asked, status)}, expected {' or '.join(ranges)}"


def answers_another_body(asked: str, status: int) -> str:
    return f"{answers(asked, status)} without the expected body"


def not_answered(asked: str, within_s: float) -> str:
    return f"{asked} is not answered within {within_s:g} s"


def broke_off(asked: str, what: str, inside: str) -> str:
    """The exchange broke off; `inside` is shown to operators alone."""
    return f"{asked}: {what}" + _in_brackets(inside)


def connect_failed(error: BaseException) -> str:
    """Why no connection could be made."""
    if isinstance(error, ForbiddenAddress):
        return "connect failed: the address is never connected to" + _in_brackets(str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return "connect failed: the certificate is not valid" + _in_brackets(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return "connect failed: no TLS" + _in_brackets(str(error))
    if isinstance(error, OSError) and error.errno is not None:
        known = error.errno > 0  # negative numbers are failed name look-ups, which have texts below
        return f"connect failed: {os.strerror(error.errno) if known else error.strerror}"
    if isinstance(error, TimeoutError):
        return "connect failed: timed out"
    return "connect failed" + _in_brackets(str(error))


def for_anybody(evidence: str) -> str:
    """The part of a text that names no address."""
    return evidence.partition(_INSIDE)[0]


def _in_brackets(inside: str) -> str:
    return f"{_INSIDE}{inside})" if inside else ""
