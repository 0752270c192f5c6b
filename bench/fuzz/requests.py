"""Requests from a grammar, of fields that matter and of others; some are damaged."""

from collections.abc import Iterator
from random import Random

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
_LENGTHS = [b"%d"] * 30 + [b"0%d", b"+%d", b"%d,", b"-%d", b"0x%x"]
_ODD_BYTES = bytes([0, 9, 10, 11, 12, 13, 32, 58, 127, 128, 133, 160, 255])


def requests(rng: Random) -> Iterator[bytes]:
    """Make requests for ever: most are nearly ordinary, and some of them are changed by a byte or two."""
    while True:
        yield _mutated(_made(rng), rng)


def _made(rng: Random) -> bytes:
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
        lines.append(b"Content-Length: " + rng.choice(_LENGTHS) % len(body))
    rng.shuffle(rest := lines[1:])
    return b"\r\n".join([lines[0], *rest]) + b"\r\n\r\n" + body


def _mutated(data: bytes, rng: Random) -> bytes:
    while rng.random() < 0.2:
        at = rng.randrange(len(data))
        put = bytes([rng.choice(_ODD_BYTES) if rng.random() < 0.7 else rng.randrange(256)])
        data = data[:at] + put + data[at + rng.randrange(3) :]
    return data
