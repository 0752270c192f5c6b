"""The rules that every request must keep, so that no two readers read it differently."""

import re
from collections.abc import Iterable, Sequence

from middlewares.failures import BadRequest, ExpectationFailed
from middlewares.hygiene.content_length import content_length

FieldLine = tuple[bytes, bytes]
Version = tuple[int, int]
#: The length of a body; None: it comes in chunks, and its length is unknown until the last.
Length = int | None

_HOST = re.compile(
    rb"(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(:[0-9]{0,5})?"
)
#: Fields whose lists are split, and the most elements that such a list may have. A header section has
#: room for tens of thousands, which would block the event loop for everybody.
_LISTS = frozenset([b"connection", b"te", b"upgrade", b"via", b"x-forwarded-for"])
_LIST_LENGTHS = frozenset(map(len, _LISTS))
MOST_ELEMENTS = 256
_HTTP_1_1 = (1, 1)
_HTTP_1_0 = (1, 0)


def check_request(version: Version, fields: Sequence[FieldLine]) -> Length:
    """Check a request's head and return the length of its body (RFC 9112 §6.3), 0 if it has none.

    Raises BadRequest or ExpectationFailed for a head that must not be passed on (§3.2, §6.3).
    """
    if version not in (_HTTP_1_1, _HTTP_1_0):
        raise BadRequest("this version of HTTP is not spoken here")
    hosts = codings = elements = 0
    body_length: Length = None
    for name, value in fields:
        length = len(name)
        if length == 4 and name.lower() == b"host":
            hosts += 1
            if not is_host(value):
                raise BadRequest("the Host field is not valid")
        elif length == 14 and name.lower() == b"content-length":
            if body_length is not None:
                raise BadRequest("the request has more than one Content-Length")
            body_length = content_length(value)
            if body_length is None:
                raise BadRequest("the Content-Length is not valid")
        elif length == 17 and name.lower() == b"transfer-encoding":
            codings += 1
            if codings > 1 or value.strip().lower() != b"chunked":
                raise BadRequest("chunked is the only transfer coding understood here")
        elif length == 6 and name.lower() == b"expect" and value.strip().lower() != b"100-continue":
            raise ExpectationFailed("the only expectation that can be met is 100-continue")
        elif length in _LIST_LENGTHS and name.lower() in _LISTS:
            elements += value.count(b",") + 1
            if elements > MOST_ELEMENTS:
                raise BadRequest(f"the lists of the head have more than {MOST_ELEMENTS} elements")
    if codings and version == _HTTP_1_0:
        raise BadRequest("HTTP/1.0 has no transfer codings")
    if codings and body_length is not None:
        raise BadRequest("the request has both a Content-Length and a transfer coding")
    if hosts > 1:
        raise BadRequest("the request has more than one Host field")
    if not hosts and version == _HTTP_1_1:
        raise BadRequest("the request has no Host field")
    return body_length if codings else body_length or 0


def is_host(value: bytes) -> bool:
    """Whether the value is a host with an optional port: no user, no path, not empty."""
    return _HOST.fullmatch(value) is not None


def expects_continue(version: Version, fields: Iterable[FieldLine]) -> bool:
    """Whether the client waits for 100 before it sends its body; an HTTP/1.0 client can't."""
    return version == _HTTP_1_1 and any(name.lower() == b"expect" for name, _ in fields)
