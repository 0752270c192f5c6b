"""What the origins answer to the requests of `workloads.py`.

/unique, /chunked, /unmodified (304), /items, /page and /large have a new ETag and X-Request-Id in each
answer, as most services' answers have; so has each path that ends in /unique. Any other gets the same answer
each time.
"""

import itertools
import json
from email.utils import formatdate

SMALL = b'{"symbol":"BTCUSDT","price":"64250.10","time":1735689600000,"source":"simulation"}'
SMALL_ID = "0123456789abcdef0123456789abcdef"
LARGE = b'{"padding":"%b"}' % (b"x" * (64 * 1024 - 14))


def _document(length: int) -> bytes:
    """A document of this length, as an API answers with: a list of items beside what no client should see."""
    internal = {"node": "orders-7", "cost": 0.0031, "trace": [3, 14, 159]}
    members = {"internal": internal, "page": 1, "items": list[dict[str, object]](), "note": ""}
    items: list[dict[str, object]] = []
    members["items"] = items
    for number in range(10_000):
        price = 64250 + number * 7919 % 997
        items.append({"id": f"{number * 2654435761 % 2**32:08x}", "price": price, "side": "buy"})
        if len(json.dumps(members)) > length:
            items.pop()
            break
    members["note"] = "x" * (length - len(json.dumps(members)))
    return json.dumps(members).encode()


ITEMS = _document(1024)
PAGE = _document(8 * 1024)

#: What the origin says of itself: a POST of an order, and everything else.
OPENAPI = json.dumps(
    {
        "openapi": "3.1.0",
        "info": {"title": "bench", "version": "1"},
        "paths": {
            "/unique": {
                "get": {"responses": {"200": {"description": "ok"}}},
                "post": {
                    "parameters": [
                        {
                            "name": "symbol",
                            "in": "query",
                            "required": True,
                            "schema": {"type": "string", "pattern": "^[A-Z]{3,12}$"},
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["order", "symbol", "side", "quantity"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "order": {"type": "string", "minLength": 16},
                                        "symbol": {"type": "string"},
                                        "side": {"enum": ["buy", "sell"]},
                                        "quantity": {"type": "string"},
                                        "note": {"type": "string", "maxLength": 2000},
                                    },
                                }
                            }
                        },
                    },
                    "responses": {"200": {"description": "ok"}},
                },
            },
            "/page": {"get": {"responses": {"200": {"description": "ok"}}}},
        },
    }
).encode()

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
    b"/items": (b"200 OK", b"Content-Length: %d\r\n" % len(ITEMS), ITEMS),
    b"/page": (b"200 OK", b"Content-Length: %d\r\n" % len(PAGE), PAGE),
    b"/openapi.json": (b"200 OK", b"Content-Length: %d\r\n" % len(OPENAPI), OPENAPI),
    b"/large": (b"200 OK", b"Content-Length: %d\r\n" % len(LARGE), LARGE),
}


def body_of(path: str) -> bytes:
    """The body that a client reads."""
    return {"/large": LARGE, "/items": ITEMS, "/page": PAGE, "/unmodified": b""}.get(path, SMALL)


def answer(path: bytes) -> bytes:
    """The whole answer; `path` is without the query."""
    if path.endswith(b"/unique"):
        path = b"/unique"
    repeats = path not in _ANSWERS
    id_ = SMALL_ID.encode() if repeats else b"%032x" % next(_numbers)
    status, framing, body = _ANSWERS[b"/unique" if repeats else path]
    date = formatdate(usegmt=True).encode()
    return _ANSWER % (status, date, framing, id_, id_, body)
