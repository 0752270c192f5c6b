"""Requests for the plain reader: whatever it takes, aiohttp's parser and the careful way read the same."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

from aiohttp import HttpVersion11
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

from discovery.model.instance import Instance
from gateway.forwarding.memories import sender_memory
from gateway.forwarding.requests import Inbound, plain_request_head, request_head
from gateway.front.plain_heads import PlainHead, PlainRequests
from middlewares.failures import Failure
from middlewares.header_section import HeaderSection

INSTANCE = Instance(name="price", id="p1", host="10.0.0.9", port=8002)
MOST_BYTES = 2**16

_METHODS = (
    b"GET HEAD POST PUT PATCH DELETE OPTIONS".split() * 4 + b"get QUERY CONNECT TRACE".split()
)
_TARGETS = (
    b"/api/price/a / /a /a/b/c /d?e /api/price/a?b=c /api/price//;%2F / * http://h/api/x /api/x/\xc3\xa9 /a#b //api/x"
    b' /api/x?a=%zz&"<> api/x /a\\b /a|b /{a} /a^`b /?? /a?b#c /a\t'
).split(b" ")
_VERSIONS = [b"HTTP/1.1"] * 60 + [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 "]
_NAMES = b"""Host host HOST User-Agent user-agent Accept accept-encoding X-Correlation-ID x-correlation-id
traceparent Traceparent tracestate Connection Cookie cookie X_A X-Forwarded-For x-forwarded-for
X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Prefix X-Forwarded-Port X_Forwarded_For Via TE Upgrade
Content-Length content-length Transfer-Encoding Expect Keep-Alive Authorization X-Foo
A!#$%&'*+.^_`|~ Sec-WebSocket-Key1 Content-Type content-type Proxy-Connection Forwarded HTTP2-Settings
If-None-Match Content-Encoding Trailer ETag Server Max-Forwards Content-Range Content-Location Origin
Range Client-Cert X-Auth-User X_Auth_User Access-Control-Request-Method RateLimit Date""".split()
_VALUES = [
    *(b"a", b"", b"127.0.0.1:80", b"example.org", b"keep-alive", b"close", b"Keep-Alive", b"CLOSE"),
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"00-00000000000000000000000000000000-b7ad6b7169203331-01",
    *(b"abc.def-1", b"a b\tc", b"\xff\xfe", b"h\xc3\xa9", b"  lead", b"trail  ", b"0", b"5", b"05"),
    *(
        b"chunked",
        b"100-continue",
        b"websocket",
        b"u@h",
        b"[::1]:8",
        b"X-Foo",
        b"a, b",
        b"te",
        b",",
    ),
    *(
        b"192.0.2.1, 192.0.2.2",
        b", ,a,",
        b"1.1 lockgate",
        b"1.0 a, 1.1 lockgate",
        b"x" * 300,
        b"+5",
    ),
    *(b"1.1 lockgate, 1.1 lockgate, 1.1 lockgate, 1.1 lockgate", b"," * 300, b"identity", b"gzip"),
]
_ORDINARY = (
    b"Accept: |X-Foo: |Cookie: a=|Referer: http://h/|X-Correlation-ID: |If-None-Match: ".split(b"|")
)
_SEPARATORS = [b": "] * 60 + [b":", b":\t", b" : ", b":  ", b""]
_ODD_BYTES = bytes([0, 9, 10, 11, 12, 13, 32, 58, 127, 128, 133, 160, 255])


def heads(seed: int) -> Iterator[bytes]:
    """Requests without end: most are nearly ordinary, and some of them are changed by a byte or two."""
    rng = random.Random(seed)
    while True:
        yield _mutated(_made(rng), rng)


def _made(rng: random.Random) -> bytes:
    lines = [b"%b %b %b" % (rng.choice(_METHODS), rng.choice(_TARGETS), rng.choice(_VERSIONS))]
    if rng.random() < 0.9:
        lines.append(b"Host: " + rng.choice([b"127.0.0.1", b"example.org:8080"]))
    for _ in range(rng.randrange(7)):
        if rng.random() < 0.4:
            lines.append(rng.choice(_ORDINARY) + b"%d" % rng.randrange(1000))
            continue
        lines.append(rng.choice(_NAMES) + rng.choice(_SEPARATORS) + rng.choice(_VALUES))
    body = rng.choice(
        [b"", b"", b"hello", b"hell", b"hello!", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"]
    )
    if body and rng.random() < 0.9:
        lines.append(b"Content-Length: %d" % len(body))
    rng.shuffle(rest := lines[1:])
    return b"\r\n".join([lines[0], *rest]) + b"\r\n\r\n" + body


def _mutated(data: bytes, rng: random.Random) -> bytes:
    while rng.random() < 0.2:
        at = rng.randrange(len(data))
        put = bytes([rng.choice(_ODD_BYTES) if rng.random() < 0.7 else rng.randrange(256)])
        data = data[:at] + put + data[at + rng.randrange(3) :]
    return data


class Comparison:
    """Compares the plain reader with the parser; its parts are made once for many requests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._plain = PlainRequests(MOST_BYTES, lambda _peer: False)
        self._met = sender_memory()

    def close(self) -> None:
        self._loop.close()

    def takes(self, data: bytes) -> bool:
        """Whether the plain reader takes a request."""
        return self._plain.read(data, trusted=False) is not None

    def differences(self, data: bytes) -> list[str]:
        """What the parser, the checks and the careful way read otherwise in a request that is taken."""
        parser = HttpRequestParser(
            BaseProtocol(self._loop),
            self._loop,
            2**16,
            max_line_size=MOST_BYTES,
            max_field_size=MOST_BYTES,
            max_headers=256,
            auto_decompress=False,
        )
        try:
            ((message, payload),), upgraded, tail = parser.feed_data(data)
        except (HttpProcessingError, ValueError) as error:
            return [f"the parser refuses it: {error!r}"]
        section = HeaderSection(message.raw_headers)
        try:
            section.check(message.version)
        except Failure as failure:
            return [f"the checks refuse it: {failure.detail}"]
        body = payload.read_nowait() if payload.total_bytes else b""
        plain, from_proxy = (self._plain.read(data, trusted=trusted) for trusted in (False, True))
        if plain is None or from_proxy is None:
            return ["it is taken from some peers only"]
        pairs: dict[str, tuple[Any, Any]] = {
            "method": (plain.method, message.method),
            "target": (plain.target, message.path),
            "version": (HttpVersion11, message.version),
            "keep-alive": (plain.keep_alive, not message.should_close),
            "fields": (tuple(plain.section.fields), tuple(message.raw_headers)),
            "body": (plain.body, body),
            "rest": ((False, b"", True), (upgraded, tail, payload.is_eof())),
            "chunked, upgrade": ((False, False), (message.chunked, message.upgrade)),
        }
        for name in (
            "host",
            "claimed_id",
            "forwarded_for",
            "user_agent",
            "trace_id",
            "body_length",
        ):
            pairs[name] = (getattr(plain.section, name), getattr(section, name))
        for head in (plain, from_proxy):
            pairs[f"forwarded, trusted={head.section.trusted}"] = (
                self._forwarded(head),
                self._forwarded(head, section),
            )
        return [f"{what}: {a!r}, not {b!r}" for what, (a, b) in pairs.items() if a != b]

    def _forwarded(self, plain: PlainHead, careful: HeaderSection | None = None) -> object:
        peer, prefix, its_id = "198.51.100.7", "/api/price", "the-id"
        method, target, section = plain.method, plain.target, plain.section
        try:
            if careful is None:
                sender = (peer, "http", section.host, prefix)
                head = plain_request_head(method, target, section, sender, its_id, self._met)
            else:
                request = Inbound(
                    *(method, careful, (1, 1), peer, section.trusted, "http", None),
                    *(target, prefix, its_id),
                )
                head = request_head(request, INSTANCE)
        except Failure as failure:
            return repr(failure)
        return head.length, head.data
