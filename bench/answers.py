"""What the origins answer to the requests of `workloads.py`.

/unique, /chunked, /unmodified (304) and /large have a new ETag and X-Request-Id in each answer, as most
services' answers have; so has each path that ends in /unique. Any other gets the same answer each time.
"""

import itertools
from email.utils import formatdate

SMALL = b'{"symbol":"BTCUSDT","price":"64250.10","time":1735689600000,"source":"simulation"}'
SMALL_ID = "0123456789abcdef0123456789abcdef"
LARGE = b'{"padding":"%b"}' % (b"x" * (64 * 1024 - 14))

_numbers = itertools.count(1)
_ANSWER = (
    b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nDate: %b\r\n%b"
    b'ETag: "%b"\r\nX-Request-Id: %b\r\n\r\n%b'
)
#: Status, framing and body by path.
_ANSWERS = {
    b"/unique": (b"200 OK", b"Content-Length: %d\r\n" % len(SMALL), SMALL),
    b"/chunked": (
        b"200 OK",
        b"Transfer-Encoding: chunked\r\n",
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMALL), SMALL),
    ),
    b"/unmodified": (b"304 Not Modified", b"", b""),
    b"/large": (b"200 OK", b"Content-Length: %d\r\n" % len(LARGE), LARGE),
}


def body_of(path: str) -> bytes:
    """The body that a client reads."""
    return {"/large": LARGE, "/unmodified": b""}.get(path, SMALL)


def answer(path: bytes) -> bytes:
    """The whole answer; `path` is without the query."""
    if path.endswith(b"/unique"):
        path = b"/unique"
    repeats = path not in _ANSWERS
    id_ = SMALL_ID.encode() if repeats else b"%032x" % next(_numbers)
    status, framing, body = _ANSWERS[b"/unique" if repeats else path]
    date = formatdate(usegmt=True).encode()
    return _ANSWER % (status, date, framing, id_, id_, body)
