"""Answers from a grammar of fields that matter and of others; some are damaged, and cut into several reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

_STATUS_LINES = [b"HTTP/1.1 200 OK"] * 40 + [
    *(b"HTTP/1.1 404 ", b"HTTP/1.1 404 Not  Found ", b"HTTP/1.1 500 caf\xe9\t", b"HTTP/1.1 599  x"),
    *(b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 205 Reset Content"),
    *(b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Early Hints"),
    *(b"HTTP/1.1 101 Switching", b"HTTP/1.1 999 X", b"http/1.1 200 OK", b"HTTP/1.1  200 OK"),
    *(b"HTTP/2.0 200 OK", b"HTTP/1.1 2000 X", b"HTTP/1.1 20 X", b"\r\nHTTP/1.1 200 OK"),
]
_ORDINARY = [b"Content-Type", b"Server", b"ETag", b"X-Request-Id", b"Set-Cookie", b"Via", b"Age"]
_NAMES = _ORDINARY * 8 + [
    *(b"Connection", b"connection", b"Keep-Alive", b"Proxy-Connection", b"TE", b"Upgrade"),
    *(b"Trailer", b"RateLimit", b"ratelimit-policy", b"X-Correlation-ID", b"X_a", b"Date"),
    *(b"Content-Length", b"content-length", b"Transfer-Encoding", b"Access-Control-Allow-Origin"),
    *(b"A!#$%&'*+.^_`|~", b"HTTP2-Settings", b"Expect", b"Host", b"Content-Encoding"),
]
_VALUES = [
    *(
        b"a",
        b"",
        b"text/html; charset=utf-8",
        b'"0123"',
        b"a, b",
        b"a b\tc",
        b"\xff\xfe",
        b"x" * 300,
    ),
    *(
        b"keep-alive",
        b"close",
        b"Keep-Alive",
        b"CLOSE",
        b"keep-alive, close",
        b"X-Request-Id",
        b"TE",
    ),
    *(b"upgrade", b"websocket", b"trailers", b"chunked", b"Chunked", b"gzip", b"gzip, chunked"),
    *(
        b"timeout=5",
        b"timeout=5, max=100",
        b"max=9, TIMEOUT= 75",
        b"timeout=x",
        b"timeout=1234567890",
    ),
    *(b"0", b"3", b"03", b"+3", b"3, 3", b"18446744073709551615", b"9" * 19, b"0" * 21),
]
_CODINGS = [b"chunked"] * 8 + [b"Chunked", b" chunked\t", b"chunked, chunked", b"identity"]
_SEPARATORS = [b": "] * 16 + [b":", b":\t", b":  ", b" : "]
_AFTER_VALUES = [b""] * 8 + [b" ", b"\t "]
_SIZES = [b"%x"] * 8 + [b"%X", b"00%x", b"%x ", b"%x;a=b", b"%x ; a", b"0x%x", b"%017x"]
_ENDS = [b"0\r\n\r\n"] * 8 + [
    b"000\r\n\r\n",
    b"0;a\r\n\r\n",
    b"0\r\nDigest: x\r\n\r\n",
    b"0\r\n",
    b"",
]
_SURPLUS = [b""] * 12 + [b"\r\n", b"\n", b"x", b"HTTP/1.1 200 OK\r\n\r\n"]
_METHODS = ["GET"] * 6 + ["HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to `method`, in the pieces that it comes in; `ends`: the connection ends after it."""

    method: str
    pieces: tuple[bytes, ...]
    ends: bool


def answers(rng: Random) -> Iterator[bytes]:
    """Make answers for ever."""
    while True:
        yield _damaged(rng, _answer(rng)) if rng.random() < 0.2 else _answer(rng)


def cut(rng: Random, data: bytes) -> Case:
    """An answer as it may come."""
    return Case(rng.choice(_METHODS), tuple(_cut(rng, data)), rng.random() < 0.5)


def _answer(rng: Random) -> bytes:
    body = b"b" * rng.choice([0, 1, 3, 3, 17])
    lines = []
    if rng.random() < 0.9:
        lines.append(b"Date: Sat, 28 Nov 2026 20:00:00 GMT")
    framing = rng.random()
    if framing < 0.55:
        length = len(body) if rng.random() < 0.95 else rng.randrange(5)
        lines.append(b"Content-Length: %d" % length)
    elif framing < 0.9:
        lines.append(b"Transfer-Encoding: " + rng.choice(_CODINGS))
        body = _in_chunks(rng, body)
    for _ in range(rng.randrange(5)):
        line = rng.choice(_NAMES) + rng.choice(_SEPARATORS)
        lines.append(line + rng.choice(_VALUES) + rng.choice(_AFTER_VALUES))
    rng.shuffle(lines)
    head = b"\r\n".join([rng.choice(_STATUS_LINES), *lines])
    return b"%b\r\n\r\n%b%b" % (head, body, rng.choice(_SURPLUS))


def _in_chunks(rng: Random, body: bytes) -> bytes:
    chunks = b""
    while body:
        size = rng.randint(1, len(body))
        chunks += b"%b\r\n%b\r\n" % (rng.choice(_SIZES) % size, body[:size])
        body = body[size:]
    return chunks + rng.choice(_ENDS)


def _damaged(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    new = bytes([rng.choice([0, 9, 10, 13, 32, 48, 58, 127, 128, 255, rng.randrange(256)])])
    return data[:at] + rng.choice([b"", new, new, b"\r\n"]) + data[at + rng.randrange(3) :]


def _cut(rng: Random, data: bytes) -> Iterator[bytes]:
    """The bytes in one piece, in two or three, or in single bytes."""
    head_end = data.find(b"\r\n\r\n") + 4
    way = rng.random()
    places = set[int]()
    if way < 0.02:
        places = set(range(1, len(data)))
    elif way < 0.25:
        places = {rng.randint(1, len(data)) for _ in range(rng.randint(1, 2))}
    elif way < 0.6 and head_end < len(data):
        places = {rng.randint(head_end, len(data)) for _ in range(rng.randint(1, 3))}
    begun = 0
    for place in sorted(places - {len(data)}):
        yield data[begun:place]
        begun = place
    yield data[begun:]
