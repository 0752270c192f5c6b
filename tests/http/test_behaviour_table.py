"""What HTTP is to the gateway: one row for each thing a client may send, over sockets on both sides.

Each row says what was sent, what the instance got, and what came back. A request reaches an instance
only if it can be read in just one way; refusals are problem documents. Each request is followed by
another one in the same write, so that a row also shows where the first one ends.
The ways to smuggle are those of the literature: CL.TE, TE.CL, TE.TE, CL.0, TERM.EXT, EXT.TERM, bare
CR and LF, folding, and the tricks with targets, hosts, versions, hop-by-hop fields and upgrades.
"""

# ruff: noqa: E501 - a row is a line
import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import StartGateway, StartKeepAlive
from tests.http.test_failures import problem_in
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received, ServedConnection

pytestmark = pytest.mark.both_loops

H = b"Host: h"
NEXT = b"GET /api/orders/next HTTP/1.1\r\nHost: h\r\n\r\n"
#: Fields that the gateway adds to each request.
ADDED = {
    *(b"x-correlation-id", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"),
    *(b"x-forwarded-prefix", b"via"),
}
FIVE_BYTES = b"5\r\nhello\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Row:
    """`seen`: request line, field lines and body at the instance; None: it got nothing.

    `status` is the answer's, `reason` a refusal's. `goes_on`: the connection takes the request that
    follows; otherwise it is closed and that request is not read. `garbage`: the bytes that follow are
    no request, and are refused.
    """

    sent: bytes
    seen: tuple[bytes, tuple[bytes, ...], bytes] | None
    status: int = 200
    reason: str = ""
    goes_on: bool = True
    follows: bool = True
    garbage: bool = False

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection goes on; after chunks it always ends: see gateway/front/reading.py."""
        head = self.sent.partition(b"\r\n\r\n")[0].lower()
        return self.goes_on and b"\ntransfer-encoding:" not in head


def request(
    *fields: bytes,
    method: bytes = b"GET",
    target: bytes = b"",
    line: bytes = b"",
    body: bytes = b"",
) -> bytes:
    """A request for the service; `target` is the part after its prefix."""
    line = line or b"%b /api/orders%b HTTP/1.1" % (method, target)
    return b"\r\n".join([line, *fields, b"", body])


def passes(
    what: str,
    sent: bytes,
    line: bytes,
    *fields: bytes,
    body: bytes = b"",
    goes_on: bool = True,
    follows: bool = True,
    garbage: bool = False,
) -> Any:
    goes_on = goes_on and not garbage
    row = Row(sent, (line, fields, body), goes_on=goes_on, follows=follows, garbage=garbage)
    return pytest.param(row, id="passes: " + what)


def refused(
    what: str,
    sent: bytes,
    status: int = 400,
    reason: str = "bad_request",
    *,
    goes_on: bool = False,
    follows: bool = True,
) -> Any:
    row = Row(sent, None, status, reason, goes_on=goes_on, follows=follows)
    return pytest.param(row, id="refused: " + what)


def chunked(body: bytes) -> bytes:
    return request(H, b"Transfer-Encoding: chunked", method=b"POST", body=body)


def posted(*fields: bytes, body: bytes = b"hello") -> bytes:
    return request(H, *fields, method=b"POST", body=body)


def either_framing(*fields: bytes) -> bytes:
    """A body that is complete both as chunks and by its Content-Length."""
    return posted(*fields, body=FIVE_BYTES)


GET = b"GET / HTTP/1.1"
POST = b"POST / HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
FIVE = b"Content-Length: 5"

# Where a body ends: Content-Length (RFC 9110 §8.6, RFC 9112 §6.3)

LENGTHS = [
    passes("length", posted(FIVE), POST, H, FIVE, body=b"hello"),
    passes("length 0", posted(b"Content-Length: 0", body=b""), POST, H, b"Content-Length: 0"),
    passes("no length is no body", posted(body=b""), POST, H),
    passes("length with zeros before", posted(b"Content-Length: 005"), POST, H, b"Content-Length: 005", body=b"hello"),
    passes("length between spaces", posted(b"Content-Length: \t 5 \t"), POST, H, FIVE, body=b"hello"),
    passes("length without a space", posted(b"Content-Length:5"), POST, H, FIVE, body=b"hello"),
    passes("length in lower case", posted(b"content-length: 5"), POST, H, b"content-length: 5", body=b"hello"),
    passes("length in odd case", posted(b"cOnTeNt-LeNgTh: 5"), POST, H, b"cOnTeNt-LeNgTh: 5", body=b"hello"),
    passes("a GET with a body", request(H, FIVE, body=b"hello"), GET, H, FIVE, body=b"hello"),
    passes("a DELETE with a body", request(H, FIVE, method=b"DELETE", body=b"hello"), b"DELETE / HTTP/1.1", H, FIVE, body=b"hello"),
    passes("a body that looks like a request (CL.0)", posted(b"Content-Length: %d" % len(NEXT), body=NEXT), POST, H, b"Content-Length: %d" % len(NEXT), body=NEXT),
    passes("a GET body that looks like a request (CL.0)", request(H, b"Content-Length: %d" % len(NEXT), body=NEXT), GET, H, b"Content-Length: %d" % len(NEXT), body=NEXT),
    passes("CRLF behind a body", posted(FIVE, body=b"hello\r\n"), POST, H, FIVE, body=b"hello"),
    passes("LF behind a body", posted(FIVE, body=b"hello\n"), POST, H, FIVE, body=b"hello"),
    passes("another length with an underscore", posted(FIVE, b"Content_Length: 6"), POST, H, FIVE, body=b"hello"),
    passes("length named by Connection", posted(b"Connection: Content-Length", FIVE), POST, H, FIVE, body=b"hello"),
    passes("more than the length", posted(FIVE, body=b"helloX"), POST, H, FIVE, body=b"hello", garbage=True),
    passes("a space behind the body", posted(FIVE, body=b"hello "), POST, H, FIVE, body=b"hello", garbage=True),
    passes("NUL behind the body", posted(FIVE, body=b"hello\x00"), POST, H, FIVE, body=b"hello", garbage=True),
    passes("a body without a length", posted(body=b"hello"), POST, H, garbage=True),
    refused("plus before the length", posted(b"Content-Length: +5")),
    refused("minus before the length", posted(b"Content-Length: -5")),
    refused("minus zero", posted(b"Content-Length: -0", body=b"")),
    refused("hexadecimal length", posted(b"Content-Length: 0x5")),
    refused("octal length", posted(b"Content-Length: 0o5")),
    refused("length with an underscore", posted(b"Content-Length: 0_5")),
    refused("length with a point", posted(b"Content-Length: 5.0")),
    refused("length with an exponent", posted(b"Content-Length: 5e0")),
    refused("length in words", posted(b"Content-Length: five")),
    refused("length in quotes", posted(b'Content-Length: "5"')),
    refused("length with a semicolon", posted(b"Content-Length: 5;")),
    refused("length with a comment", posted(b"Content-Length: 5 (five)")),
    refused("length twice in a row", posted(b"Content-Length: 5 5")),
    refused("length in Arabic digits", posted(b"Content-Length: \xd9\xa5")),
    refused("length with a vertical tab", posted(b"Content-Length: 5\x0b")),
    refused("length behind a form feed", posted(b"Content-Length: \x0c5")),
    refused("length with NUL", posted(b"Content-Length: 5\x00")),
    refused("empty length", posted(b"Content-Length:")),
    refused("length of spaces", posted(b"Content-Length:   ")),
    refused("length that overflows 64 bits", posted(b"Content-Length: 18446744073709551621")),
    refused("length with a thousand zeros", posted(b"Content-Length: " + b"0" * 1000 + b"5")),
    refused("length with zeros without end", posted(b"Content-Length: " + b"0" * 5000 + b"5")),
    refused("length in full-width digits", posted("Content-Length: \uff15".encode())),
    refused("another length behind a space", posted(FIVE, b"Content-Length : 6")),
    refused("length of 30 digits", posted(b"Content-Length: " + b"9" * 30)),
    refused("list of the same length", posted(b"Content-Length: 5, 5")),
    refused("list of lengths", posted(b"Content-Length: 5, 6")),
    refused("list with an empty member", posted(b"Content-Length: 5,")),
    refused("two lengths that differ", posted(FIVE, b"Content-Length: 6")),
    refused("two lengths that differ, smaller last", posted(FIVE, b"Content-Length: 0")),
    refused("two lengths that are the same", posted(FIVE, FIVE)),
    refused("two lengths in two spellings", posted(FIVE, b"content-length: 5")),
    refused("folded length", posted(b"Content-Length:", b" 5")),
    refused("length folded on", posted(b"Content-Length: 5", b" 0")),
    refused("space behind the length's name", posted(b"Content-Length : 5")),
    refused("tab behind the length's name", posted(b"Content-Length\t: 5")),
    refused("space before the length's name", posted(b" Content-Length: 5")),
]  # fmt: skip

# Where a body ends: Transfer-Encoding (RFC 9112 §6.1, §7)

CODINGS = [
    passes("chunks", chunked(FIVE_BYTES), POST, H, CHUNKED, body=b"hello"),
    passes("no chunk but the last", chunked(b"0\r\n\r\n"), POST, H, CHUNKED),
    passes("chunked in upper case", either_framing(b"TRANSFER-ENCODING: CHUNKED"), POST, H, b"TRANSFER-ENCODING: chunked", body=b"hello"),
    passes("chunked in odd case", either_framing(b"tRANSFER-eNCODING: cHuNkEd"), POST, H, b"tRANSFER-eNCODING: chunked", body=b"hello"),
    passes("chunked without a space", either_framing(b"Transfer-Encoding:chunked"), POST, H, CHUNKED, body=b"hello"),
    passes("chunked behind a tab", either_framing(b"Transfer-Encoding:\tchunked"), POST, H, CHUNKED, body=b"hello"),
    passes("chunked before a space", either_framing(b"Transfer-Encoding: chunked "), POST, H, CHUNKED, body=b"hello"),
    passes("chunked named by Connection", either_framing(b"Connection: Transfer-Encoding", CHUNKED), POST, H, CHUNKED, body=b"hello"),
    passes("a GET in chunks", request(H, CHUNKED, body=FIVE_BYTES), GET, H, CHUNKED, body=b"hello"),
    passes("a chunk that looks like a request", chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(NEXT), NEXT)), POST, H, CHUNKED, body=NEXT),
    refused("length and chunks (CL.TE)", either_framing(b"Content-Length: 15", CHUNKED)),
    refused("chunks and length (TE.CL)", either_framing(CHUNKED, b"Content-Length: 15")),
    refused("length 0 and chunks", either_framing(b"Content-Length: 0", CHUNKED)),
    refused("chunks and an empty length", either_framing(CHUNKED, b"Content-Length:")),
    refused("chunks between two lengths", either_framing(FIVE, CHUNKED, b"Content-Length: 6")),
    passes("length and coding with an underscore", either_framing(FIVE, b"Transfer_Encoding: chunked"), POST, H, FIVE, body=FIVE_BYTES[:5], garbage=True),
    passes("coding with an underscore alone", either_framing(b"Transfer_Encoding: chunked"), POST, H, garbage=True),
    refused("chunked twice in a list", either_framing(b"Transfer-Encoding: chunked, chunked")),
    refused("chunked twice", either_framing(CHUNKED, CHUNKED)),
    refused("chunked, then another coding (TE.TE)", either_framing(CHUNKED, b"Transfer-Encoding: x")),
    refused("another coding, then chunked (TE.TE)", either_framing(b"Transfer-Encoding: x", CHUNKED)),
    refused("chunked, then cow in lower case", either_framing(CHUNKED, b"transfer-encoding: cow")),
    refused("chunked, then identity", either_framing(CHUNKED, b"Transfer-Encoding: identity")),
    refused("chunked, gzip", either_framing(b"Transfer-Encoding: chunked, gzip")),
    refused("gzip", either_framing(b"Transfer-Encoding: gzip")),
    refused("identity", either_framing(b"Transfer-Encoding: identity")),
    refused("xchunked", either_framing(b"Transfer-Encoding: xchunked")),
    refused("chunked before a tab", either_framing(b"Transfer-Encoding: chunked\t")),
    refused("chunkedx", either_framing(b"Transfer-Encoding: chunkedx")),
    refused("chunk", either_framing(b"Transfer-Encoding: chunk")),
    refused("chunked with a parameter", either_framing(b"Transfer-Encoding: chunked;q=1")),
    refused("chunked in quotes", either_framing(b'Transfer-Encoding: "chunked"')),
    refused("chunked and a comma", either_framing(b"Transfer-Encoding: chunked,")),
    refused("chunked behind a vertical tab", either_framing(b"Transfer-Encoding: \x0bchunked")),
    refused("chunked before a form feed", either_framing(b"Transfer-Encoding: chunked\x0c")),
    refused("chunked before NUL", either_framing(b"Transfer-Encoding: chunked\x00")),
    refused("chunked behind NUL", either_framing(b"Transfer-Encoding: \x00chunked")),
    refused("chunked behind a no-break space", either_framing(b"Transfer-Encoding: \xa0chunked")),
    refused("chunked with an accent", either_framing("Transfer-Encoding: çhunked".encode())),
    refused("chunked with a backspace", either_framing(b"Transfer-Encoding: xx\x08\x08chunked")),
    refused("empty coding", either_framing(b"Transfer-Encoding:")),
    refused("coding without a colon", either_framing(b"Transfer-Encoding")),
    refused("folded coding", either_framing(b"Transfer-Encoding:", b" chunked")),
    refused("coding folded by a tab", either_framing(b"Transfer-Encoding:", b"\tchunked")),
    refused("coding folded on", either_framing(CHUNKED, b" , identity")),
    refused("space behind the coding's name", either_framing(b"Transfer-Encoding : chunked")),
    refused("tab behind the coding's name", either_framing(b"Transfer-Encoding\t: chunked")),
    refused("CRLF behind the coding's name", either_framing(b"Transfer-Encoding", b": chunked")),
    refused("space before the coding's name", either_framing(b" Transfer-Encoding: chunked")),
    refused("tab before the coding's name", either_framing(b"\tTransfer-Encoding: chunked")),
    refused("space in the coding's name", either_framing(b"Transfer Encoding: chunked")),
    refused("NUL in the coding's name", either_framing(b"Transfer-Encoding\x00: chunked")),
    refused("high byte in the coding's name", either_framing(b"Transfer-Encod\xefng: chunked")),
    refused("vertical tab before the coding's name", either_framing(b"\x0bTransfer-Encoding: chunked")),
    refused("LF behind the coding's name", either_framing(b"Transfer-Encoding\n: chunked")),
    refused("CR before the coding's name", either_framing(b"X: y", b"\rTransfer-Encoding: chunked")),
    refused("coding behind CR CR LF", either_framing(b"X: y\r", b"Transfer-Encoding: chunked")),
    refused("coding behind LF", either_framing(b"X: x\nTransfer-Encoding: chunked")),
    refused("coding behind CR", either_framing(b"X: x\rTransfer-Encoding: chunked")),
    refused("coding behind LF CR", either_framing(b"X: x\n\rTransfer-Encoding: chunked")),
    passes("Content-Encoding is no framing", either_framing(b"Content-Encoding: chunked"), POST, H, b"Content-Encoding: chunked", garbage=True),
]  # fmt: skip

# Codings with chunked as the last: refused, and nothing after them may be read (RFC 9112 §6.3)

CODINGS_REFUSED_BY_RULE = [
    refused("gzip, chunked", either_framing(b"Transfer-Encoding: gzip, chunked")),
    refused("identity, chunked", either_framing(b"Transfer-Encoding: identity, chunked")),
    refused("a comma and chunked", either_framing(b"Transfer-Encoding: ,chunked")),
    refused("chunks over HTTP/1.0 that is kept alive", request(b"Connection: keep-alive", CHUNKED, line=b"POST /api/orders HTTP/1.0", body=FIVE_BYTES)),
    refused("chunks over HTTP/1.0", request(H, CHUNKED, line=b"POST /api/orders HTTP/1.0", body=FIVE_BYTES)),
    refused("chunks and length over HTTP/1.0", request(H, CHUNKED, FIVE, line=b"POST /api/orders HTTP/1.0", body=FIVE_BYTES)),
]  # fmt: skip

# Chunks (RFC 9112 §7.1)

CHUNKS = [
    passes("zeros before a size", chunked(b"005\r\nhello\r\n000\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    passes("20 digits of a size", chunked(b"00000000000000000005\r\nhello\r\n0\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    passes("size in upper case", chunked(b"A\r\n0123456789\r\n0\r\n\r\n"), POST, H, CHUNKED, body=b"0123456789"),
    passes("size in lower case", chunked(b"a\r\n0123456789\r\n0\r\n\r\n"), POST, H, CHUNKED, body=b"0123456789"),
    passes("an extension stays here", chunked(b"5;a=b\r\nhello\r\n0;c\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    passes("a quoted extension stays here", chunked(b'5;a="b;c"\r\nhello\r\n0\r\n\r\n'), POST, H, CHUNKED, body=b"hello"),
    passes("a long extension stays here", chunked(b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    passes("a trailer stays here", chunked(b"5\r\nhello\r\n0\r\nX-Check: 1\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    passes("Host as a trailer stays here", chunked(b"5\r\nhello\r\n0\r\nHost: evil\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    passes("X-Forwarded-For as a trailer stays here", chunked(b"5\r\nhello\r\n0\r\nX-Forwarded-For: 1\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    refused("0x before a size", chunked(b"0x5\r\nhello\r\n0\r\n\r\n")),
    refused("plus before a size", chunked(b"+5\r\nhello\r\n0\r\n\r\n")),
    refused("minus before a size", chunked(b"-5\r\nhello\r\n0\r\n\r\n")),
    refused("underscore in a size", chunked(b"0_5\r\nhello\r\n0\r\n\r\n")),
    refused("space before a size", chunked(b" 5\r\nhello\r\n0\r\n\r\n")),
    refused("space behind a size", chunked(b"5 \r\nhello\r\n0\r\n\r\n")),
    refused("tab behind a size", chunked(b"5\t\r\nhello\r\n0\r\n\r\n")),
    refused("space before an extension", chunked(b"5 ;a\r\nhello\r\n0\r\n\r\n")),
    refused("NUL behind a size", chunked(b"5\x00\r\nhello\r\n0\r\n\r\n")),
    refused("letter in a size", chunked(b"5g\r\nhello\r\n0\r\n\r\n")),
    refused("point in a size", chunked(b"5.0\r\nhello\r\n0\r\n\r\n")),
    refused("comma in a size", chunked(b"5,5\r\nhello\r\n0\r\n\r\n")),
    refused("no size", chunked(b"\r\nhello\r\n0\r\n\r\n")),
    refused("an extension alone", chunked(b";a\r\nhello\r\n0\r\n\r\n")),
    refused("CRLF before a size", chunked(b"\r\n5\r\nhello\r\n0\r\n\r\n")),
    refused("size that overflows 64 bits", chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n")),
    refused("LF alone", chunked(b"5\nhello\n0\n\n")),
    refused("LF behind a size", chunked(b"5\nhello\r\n0\r\n\r\n")),
    refused("LF behind a chunk", chunked(b"5\r\nhello\n0\r\n\r\n")),
    refused("CR behind a size", chunked(b"5\rhello\r\n0\r\n\r\n")),
    refused("CR behind a chunk", chunked(b"5\r\nhello\rX0\r\n\r\n")),
    refused("nothing behind a chunk", chunked(b"5\r\nhello0\r\n\r\n")),
    refused("two bytes behind a chunk", chunked(b"5\r\nhelloXX0\r\n\r\n")),
    refused("LF at the very end", chunked(b"5\r\nhello\r\n0\r\n\n")),
    refused("LF behind the last size", chunked(b"5\r\nhello\r\n0\n\r\n")),
    refused("LF in an extension (TERM.EXT)", chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n")),
    refused("LF that ends an extension (EXT.TERM)", chunked(b"5;\nhello\r\n0\r\n\r\n")),
    refused("CR in an extension", chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n")),
    refused("NUL in an extension", chunked(b"5;a\x00\r\nhello\r\n0\r\n\r\n")),
    refused("LF in a quoted extension", chunked(b'5;a="\n"\r\nhello\r\n0\r\n\r\n')),
    refused("CRLF in a quoted extension", chunked(b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n')),
    refused("chunk longer than its size", chunked(b"4\r\nhello\r\n0\r\n\r\n")),
    refused("chunk shorter than its size", chunked(b"6\r\nhello\r\n0\r\n\r\n")),
    refused("length as a trailer", chunked(b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n")),
    refused("coding as a trailer", chunked(b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    passes("an extension as long as a head stays here", chunked(b"5;" + b"a" * 60_000 + b"\r\nhello\r\n0\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    passes("a size with a thousand zeros", chunked(b"0" * 1000 + b"5\r\nhello\r\n0\r\n\r\n"), POST, H, CHUNKED, body=b"hello"),
    refused("trailer without a colon", chunked(b"5\r\nhello\r\n0\r\nX\r\n\r\n")),
    refused("folded trailer", chunked(b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n")),
    refused("trailer behind LF", chunked(b"5\r\nhello\r\n0\r\nX: y\nZ: z\r\n\r\n")),
]  # fmt: skip

# Lines and fields (RFC 9112 §2.2, §5)

FIELDS = [
    passes("a field keeps its case", request(H, b"x-LOWER-Upper: 1"), GET, H, b"x-LOWER-Upper: 1"),
    passes("fields keep number and order", request(b"B: 1", H, b"A: 2", b"B: 3"), GET, b"B: 1", H, b"A: 2", b"B: 3"),
    passes("empty value", request(H, b"X:"), GET, H, b"X:"),
    passes("tab in a value", request(H, b"X: a\tb"), GET, H, b"X: a\tb"),
    passes("high bytes in a value", request(H, b"X: \xe9\xff\x80"), GET, H, b"X: \xe9\xff\x80"),
    passes("every character of a token", request(H, b"!#$%&'*+.^`|~-09azAZ: 1"), GET, H, b"!#$%&'*+.^`|~-09azAZ: 1"),
    passes("a long value", request(H, b"X: " + b"x" * 9000), GET, H, b"X: " + b"x" * 9000),
    passes("cookies in two lines", request(H, b"Cookie: a=1", b"Cookie: b=2"), GET, H, b"Cookie: a=1", b"Cookie: b=2"),
    passes("a name with an underscore", request(H, b"X_A: 1"), GET, H, b"X_A: 1"),
    passes("an underscore alone", request(H, b"_: 1"), GET, H, b"_: 1"),
    passes("X_Forwarded_For stays here", request(H, b"X_Forwarded_For: 1.2.3.4"), GET, H),
    passes("Authorization passes", request(H, b"Authorization: Basic x"), GET, H, b"Authorization: Basic x"),
    passes("empty lines before a request", b"\r\n\r\n" + request(H), GET, H),
    passes("a method override is no method", request(H, b"X-HTTP-Method-Override: DELETE"), GET, H, b"X-HTTP-Method-Override: DELETE"),
    passes("X-Original-URL is no target", request(H, b"X-Original-URL: /admin"), GET, H, b"X-Original-URL: /admin"),
    refused("space behind a name", request(H, b"X : 1")),
    refused("tab behind a name", request(H, b"X\t: 1")),
    refused("space in a name", request(H, b"X A: 1")),
    refused("bracket in a name", request(H, b"X(A): 1")),
    refused("quote in a name", request(H, b'X"A: 1')),
    refused("high byte in a name", request(H, b"X\xe9: 1")),
    refused("NUL in a name", request(H, b"X\x00: 1")),
    refused("no name", request(H, b": 1")),
    refused("no colon", request(H, b"X")),
    refused("NUL in a value", request(H, b"X: a\x00b")),
    refused("control byte in a value", request(H, b"X: \x01")),
    refused("escape in a value", request(H, b"X: \x1b[31m")),
    refused("DEL in a value", request(H, b"X: \x7f")),
    refused("CR in a value", request(H, b"X: a\rb")),
    refused("LF in a value", request(H, b"X: a\nb")),
    refused("CR at the end of a value", request(H, b"X: a\r")),
    refused("LF that begins a field", request(H, b"X: a\nY: b")),
    refused("folding by a space", request(H, b"X: a", b" b")),
    refused("folding by a tab", request(H, b"X: a", b"\tb")),
    refused("folding of spaces alone", request(H, b"X: a", b"  ")),
    refused("space before the first field", request(b" X: a", H)),
    refused("LF alone everywhere", b"GET /api/orders HTTP/1.1\nHost: h\n\n"),
    refused("LF behind the request line", b"GET /api/orders HTTP/1.1\nHost: h\r\n\r\n"),
    refused("LF behind the last field", b"GET /api/orders HTTP/1.1\r\nHost: h\n\r\n"),
    refused("LF as the empty line", b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\n"),
    refused("CR alone everywhere", b"GET /api/orders HTTP/1.1\rHost: h\r\r"),
    refused("CR CR LF", b"GET /api/orders HTTP/1.1\r\r\nHost: h\r\n\r\n"),
    refused("two content types", request(H, b"Content-Type: a/b", b"Content-Type: c/d")),
    refused("a head that is too large", request(H, b"X: " + b"x" * 70_000), 431, "header_too_large"),
    refused("too many fields", request(H, *[b"X: x"] * 300), 431, "header_too_large"),
]  # fmt: skip

# Host (RFC 9112 §3.2)

HOSTS = [
    passes("port", request(b"Host: h:8080"), GET, b"Host: h:8080"),
    passes("empty port", request(b"Host: h:"), GET, b"Host: h:"),
    passes("IPv6", request(b"Host: [::1]:80"), GET, b"Host: [::1]:80"),
    passes("upper case", request(b"Host: EXAMPLE.com"), GET, b"Host: EXAMPLE.com"),
    passes("dot at the end", request(b"Host: h."), GET, b"Host: h."),
    passes("no space", request(b"Host:h"), GET, H),
    passes("X-Forwarded-Host stays here", request(H, b"X-Forwarded-Host: evil"), GET, H),
    passes("Forwarded stays here", request(H, b"Forwarded: host=evil"), GET, H),
    passes("X-Host is another field", request(H, b"X-Host: evil"), GET, H, b"X-Host: evil"),
    passes("Host named by Connection", request(b"Connection: Host", H), GET, H),
    refused("none", request(b"X: y")),
    refused("twice the same", request(H, H)),
    refused("two", request(H, b"Host: evil")),
    refused("two in two spellings", request(H, b"hOST: evil")),
    refused("space behind its name", request(b"Host : h")),
    refused("space before its name", request(b" Host: h")),
    refused("folded", request(b"Host:", b" h")),
    refused("folded on", request(H, b" evil")),
    refused("NUL", request(b"Host: h\x00")),
    refused("empty", request(b"Host:"), goes_on=True),
    refused("two in one", request(b"Host: h evil"), goes_on=True),
    refused("two with a tab", request(b"Host: h\tevil"), goes_on=True),
    refused("a user", request(b"Host: evil@h"), goes_on=True),
    refused("a path", request(b"Host: h/api/other"), goes_on=True),
    refused("a query", request(b"Host: h?x"), goes_on=True),
    refused("a fragment", request(b"Host: h#x"), goes_on=True),
    refused("a backslash", request(b"Host: h\\evil"), goes_on=True),
    refused("a URL", request(b"Host: http://h"), goes_on=True),
    refused("two ports", request(b"Host: h:80:90"), goes_on=True),
    refused("negative port", request(b"Host: h:-1"), goes_on=True),
    refused("port too long", request(b"Host: h:999999"), goes_on=True),
    refused("port in words", request(b"Host: h:http"), goes_on=True),
    refused("open bracket", request(b"Host: [::1"), goes_on=True),
    refused("bare IPv6", request(b"Host: ::1"), goes_on=True),
    refused("high byte", request(b"Host: h\xff"), goes_on=True),
    refused("half an escape", request(b"Host: h%4"), goes_on=True),
]  # fmt: skip


def asking(line: bytes) -> bytes:
    return request(H, line=line)


# The request line (RFC 9112 §3)

LINES = [
    passes("absolute form names the host", asking(b"GET http://other/api/orders/x?y HTTP/1.1"), b"GET /x?y HTTP/1.1", b"Host: other"),
    passes("absolute form with a port", asking(b"GET http://other:81/api/orders HTTP/1.1"), GET, b"Host: other:81"),
    passes("absolute form in upper case", asking(b"GET HTTP://OTHER/api/orders HTTP/1.1"), GET, b"Host: OTHER"),
    passes("absolute form of https", asking(b"GET https://other/api/orders HTTP/1.1"), GET, b"Host: other"),
    passes("absolute form of IPv6", asking(b"GET http://[::1]/api/orders HTTP/1.1"), GET, b"Host: [::1]"),
    passes("dots", asking(b"GET /api/orders/../x/./y HTTP/1.1"), b"GET /../x/./y HTTP/1.1", H),
    passes("escaped dots", asking(b"GET /api/orders/%2e%2e/x HTTP/1.1"), b"GET /%2e%2e/x HTTP/1.1", H),
    passes("escaped line ends", asking(b"GET /api/orders/%0d%0aX:%20y HTTP/1.1"), b"GET /%0d%0aX:%20y HTTP/1.1", H),
    passes("escaped NUL", asking(b"GET /api/orders/%00 HTTP/1.1"), b"GET /%00 HTTP/1.1", H),
    passes("escaped slash", asking(b"GET /api/orders/a%2Fb%2f HTTP/1.1"), b"GET /a%2Fb%2f HTTP/1.1", H),
    passes("half an escape", asking(b"GET /api/orders/%4 HTTP/1.1"), b"GET /%4 HTTP/1.1", H),
    passes("slashes", asking(b"GET /api/orders//a///b HTTP/1.1"), b"GET //a///b HTTP/1.1", H),
    passes("another host in the path", asking(b"GET /api/orders//evil/x HTTP/1.1"), b"GET //evil/x HTTP/1.1", H),
    passes("a URL in the path", asking(b"GET /api/orders/http://evil/ HTTP/1.1"), b"GET /http://evil/ HTTP/1.1", H),
    passes("empty query", asking(b"GET /api/orders? HTTP/1.1"), b"GET /? HTTP/1.1", H),
    passes("queries in a query", asking(b"GET /api/orders?a?b&&=/.. HTTP/1.1"), b"GET /?a?b&&=/.. HTTP/1.1", H),
    passes("two spaces before the target", asking(b"GET  /api/orders HTTP/1.1"), GET, H),
    passes("two spaces before the version", asking(b"GET /api/orders  HTTP/1.1"), GET, H),
    passes("OPTIONS", asking(b"OPTIONS /api/orders HTTP/1.1"), b"OPTIONS / HTTP/1.1", H),
    passes("TRACE", asking(b"TRACE /api/orders HTTP/1.1"), b"TRACE / HTTP/1.1", H),
    passes("QUERY", asking(b"QUERY /api/orders HTTP/1.1"), b"QUERY / HTTP/1.1", H),
    refused("lower-case method", asking(b"get /api/orders HTTP/1.1")),
    refused("unknown method", asking(b"BREW /api/orders HTTP/1.1")),
    refused("no method", asking(b" /api/orders HTTP/1.1")),
    refused("space before the method", asking(b" GET /api/orders HTTP/1.1")),
    refused("NUL in the method", asking(b"GE\x00T /api/orders HTTP/1.1")),
    refused("tabs for spaces", asking(b"GET\t/api/orders\tHTTP/1.1")),
    refused("tab before the version", asking(b"GET /api/orders \tHTTP/1.1")),
    refused("space behind the version", asking(b"GET /api/orders HTTP/1.1 ")),
    refused("space in the target", asking(b"GET /api/orders/a b HTTP/1.1")),
    refused("tab in the target", asking(b"GET /api/orders/a\tb HTTP/1.1")),
    refused("NUL in the target", asking(b"GET /api/orders/\x00 HTTP/1.1")),
    refused("DEL in the target", asking(b"GET /api/orders/\x7f HTTP/1.1")),
    refused("high byte in the target", asking(b"GET /api/orders/\xff HTTP/1.1")),
    refused("UTF-8 in the target", asking("GET /api/orders/é HTTP/1.1".encode())),
    refused("CRLF in the target", asking(b"GET /api/orders/\r\nX: y HTTP/1.1")),
    refused("no target", asking(b"GET HTTP/1.1")),
    refused("target without a slash", asking(b"GET api/orders HTTP/1.1")),
    refused("authority form of a GET", asking(b"GET h:80 HTTP/1.1")),
    refused("asterisk form of a GET", asking(b"GET * HTTP/1.1")),
    refused("absolute form without a host", asking(b"GET http:///api/orders HTTP/1.1")),
    refused("absolute form without slashes", asking(b"GET http:/api/orders HTTP/1.1")),
    refused("absolute form with a user", asking(b"GET http://u:p@h/api/orders HTTP/1.1"), goes_on=True),
    refused("absolute form with a bad port", asking(b"GET http://h:x/api/orders HTTP/1.1")),
    refused("absolute form without Host", request(b"X: y", line=b"GET http://h/api/orders HTTP/1.1")),
    refused("absolute form and two Hosts", request(H, b"Host: i", line=b"GET http://h/api/orders HTTP/1.1")),
    refused("another scheme", asking(b"GET ftp://h/api/orders HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("escaped prefix", asking(b"GET /%61pi/orders HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("escaped slash in the prefix", asking(b"GET /api%2forders HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("two slashes in the prefix", asking(b"GET /api//orders HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("two slashes before the prefix", asking(b"GET //api/orders HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("prefix in upper case", asking(b"GET /API/orders HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("backslash behind the prefix", asking(b"GET /api/orders\\x HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("semicolon behind the prefix", asking(b"GET /api/orders;x HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("fragment behind the prefix", asking(b"GET /api/orders#x HTTP/1.1"), goes_on=True),
    refused("fragment behind a path", asking(b"GET /api/orders/a?b#c HTTP/1.1"), goes_on=True),
    refused("fragment of the absolute form", asking(b"GET http://h/api/orders#x HTTP/1.1"), goes_on=True),
    refused("dots into the prefix", asking(b"GET /x/../api/orders HTTP/1.1"), 404, "route_not_found", goes_on=True),
    refused("a line that is too long", request(H, target=b"/" + b"x" * 70_000), 431, "header_too_large"),
]  # fmt: skip

# Versions (RFC 9112 §2.3)

VERSIONS = [
    passes("HTTP/1.0", asking(b"GET /api/orders HTTP/1.0"), GET, H, goes_on=False, follows=False),
    passes("HTTP/1.0 that is kept alive", request(H, b"Connection: keep-alive", line=b"GET /api/orders HTTP/1.0"), GET, H),
    passes("a body over HTTP/1.0", request(H, b"Content-Length: 2", line=b"POST /api/orders HTTP/1.0", body=b"hi"), POST, H, b"Content-Length: 2", body=b"hi", goes_on=False, follows=False),
    refused("HTTP/0.9", asking(b"GET /api/orders HTTP/0.9")),
    refused("HTTP/2.0", asking(b"GET /api/orders HTTP/2.0")),
    refused("HTTP/1.2", asking(b"GET /api/orders HTTP/1.2")),
    refused("HTTP/1.10", asking(b"GET /api/orders HTTP/1.10")),
    refused("HTTP/01.1", asking(b"GET /api/orders HTTP/01.1")),
    refused("HTTP/1.", asking(b"GET /api/orders HTTP/1.")),
    refused("HTTP/1", asking(b"GET /api/orders HTTP/1")),
    refused("HTTP/2", asking(b"GET /api/orders HTTP/2")),
    refused("HTTP/3.0", asking(b"GET /api/orders HTTP/3.0")),
    refused("HTTP/1,1", asking(b"GET /api/orders HTTP/1,1")),
    refused("HTTP/1.1x", asking(b"GET /api/orders HTTP/1.1x")),
    refused("HTTP /1.1", asking(b"GET /api/orders HTTP /1.1")),
    refused("http/1.1", asking(b"GET /api/orders http/1.1")),
    refused("HTCPCP/1.0", asking(b"GET /api/orders HTCPCP/1.0")),
    refused("ICE/1.0", asking(b"GET /api/orders ICE/1.0")),
    refused("RTSP/1.0", asking(b"GET /api/orders RTSP/1.0")),
    refused("RTSP/1.1", asking(b"OPTIONS /api/orders RTSP/1.1")),
    refused("SOURCE over ICE/1.0", asking(b"SOURCE /api/orders ICE/1.0")),
    passes("RTSP/1.0 behind a body", posted(FIVE, body=b"hello" + asking(b"GET /api/orders RTSP/1.0")), POST, H, FIVE, body=b"hello", garbage=True),
    passes("RTSP/1.0 behind a declined upgrade", request(H, b"Connection: Upgrade", b"Upgrade: websocket", body=asking(b"GET /api/orders RTSP/1.0")), GET, H, b"Connection: Upgrade", b"Upgrade: websocket", garbage=True),
    refused("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    refused("the PROXY protocol", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + asking(b"GET /api/orders HTTP/1.1")),
]  # fmt: skip

# Fields about the connection (RFC 9110 §7.6.1, §7.8, §10.1.1)

CONNECTIONS = [
    passes("what Connection names", request(b"Connection: X-A, x-b", H, b"X-A: 1", b"X-B: 2", b"X-C: 3"), GET, H, b"X-C: 3"),
    passes("what a second Connection names", request(b"Connection: keep-alive", b"connection: X-A", H, b"X-A: 1"), GET, H),
    passes("Connection of commas", request(b"Connection: ,,", H), GET, H),
    passes("Connection that names our own fields", request(b"Connection: X-Forwarded-For, Via, X-Correlation-ID", H), GET, H),
    passes("Connection that names Cookie", request(b"Connection: cookie", H, b"Cookie: a"), GET, H),
    passes("Connection: close", request(b"Connection: close", H), GET, H, goes_on=False, follows=False),
    passes("Keep-Alive", request(H, b"Keep-Alive: timeout=5"), GET, H),
    passes("Proxy-Connection", request(H, b"Proxy-Connection: keep-alive"), GET, H),
    passes("TE", request(H, b"TE: gzip, chunked"), GET, H),
    passes("TE: trailers", request(H, b"TE: trailers, chunked"), GET, H, b"TE: trailers", b"Connection: TE"),
    passes("Upgrade without Connection", request(H, b"Upgrade: websocket"), GET, H),
    passes("Upgrade to websocket", request(H, b"Connection: upgrade", b"Upgrade: websocket"), GET, H, b"Connection: Upgrade", b"Upgrade: websocket"),
    passes("Upgrade to h2c", request(H, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"), GET, H),
    passes("Upgrade to h2c or websocket", request(H, b"Connection: Upgrade", b"Upgrade: h2c, websocket"), GET, H, b"Connection: Upgrade", b"Upgrade: websocket"),
    passes("Upgrade to H2C in upper case", request(H, b"Connection: Upgrade", b"Upgrade: H2C"), GET, H),
    passes("Upgrade to h2c with a body", posted(b"Connection: Upgrade", b"Upgrade: h2c", FIVE), POST, H, FIVE, body=b"hello"),
    passes("Upgrade to h2c with a body that looks like a request", posted(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: %d" % len(NEXT), body=NEXT), POST, H, b"Content-Length: %d" % len(NEXT), body=NEXT),
    passes("Upgrade to h2c in chunks", request(H, CHUNKED, b"Connection: Upgrade", b"Upgrade: h2c", method=b"POST", body=FIVE_BYTES), POST, H, CHUNKED, body=b"hello"),
    passes("Upgrade to TLS", request(H, b"Connection: Upgrade", b"Upgrade: TLS/1.0"), GET, H, b"Connection: Upgrade", b"Upgrade: TLS/1.0"),
    passes("Upgrade to websocket and to h2c", request(H, b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c"), GET, H, b"Connection: Upgrade", b"Upgrade: websocket"),
    passes("HTTP2-Settings alone", request(H, b"HTTP2-Settings: AAMAAABk"), GET, H),
    passes("Upgrade by POST", posted(b"Connection: Upgrade", b"Upgrade: websocket", FIVE), POST, H, FIVE, body=b"hello"),
    passes("Upgrade by a GET with a body", request(H, b"Connection: Upgrade", b"Upgrade: websocket", FIVE, body=b"hello"), GET, H, FIVE, body=b"hello"),
    passes("Upgrade by a GET in chunks", request(H, b"Connection: Upgrade", b"Upgrade: websocket", CHUNKED, body=FIVE_BYTES), GET, H, CHUNKED, body=b"hello"),
    passes("Upgrade over HTTP/1.0", request(H, b"Connection: Upgrade", b"Upgrade: websocket", line=b"GET /api/orders HTTP/1.0"), GET, H, goes_on=False, follows=False),
    passes("Expect without a body", request(H, b"Expect: 100-continue"), GET, H),
    passes("Expect over HTTP/1.0", request(H, b"Expect: 100-continue", FIVE, line=b"POST /api/orders HTTP/1.0", body=b"hello"), POST, H, FIVE, body=b"hello", goes_on=False, follows=False),
    passes("Proxy-Authorization", request(H, b"Proxy-Authorization: x"), GET, H, b"Proxy-Authorization: x"),
    refused("another expectation", request(H, b"Expect: 200-ok"), 417, "expectation_failed", goes_on=True),
    refused("two expectations", request(H, b"Expect: 100-continue, x"), 417, "expectation_failed", goes_on=True),
    refused("an empty expectation", request(H, b"Expect:"), 417, "expectation_failed", goes_on=True),
    refused("a body behind another expectation", posted(b"Expect: x", FIVE), 417, "expectation_failed", goes_on=True),
    refused("NUL in Connection", request(b"Connection: close\x00", H)),
    passes("Connection: close, and more", request(b"Connection: close", H), GET, H, goes_on=False),
    refused("CONNECT", asking(b"CONNECT h:443 HTTP/1.1"), 404, "route_not_found"),
    refused("CONNECT to a path", asking(b"CONNECT /api/orders HTTP/1.1"), 404, "route_not_found"),
    refused("CONNECT with a request as its body", posted(b"Content-Length: %d" % len(NEXT), body=NEXT).replace(b"POST /api/orders", b"CONNECT h:443"), 404, "route_not_found"),
    refused("CONNECT in chunks", chunked(FIVE_BYTES).replace(b"POST /api/orders", b"CONNECT h:443"), 404, "route_not_found"),
    refused("a service that is not there", posted(FIVE).replace(b"orders", b"nobody"), 404, "route_not_found", goes_on=True),
    refused("chunks for a service that is not there", chunked(FIVE_BYTES).replace(b"orders", b"nobody"), 404, "route_not_found", goes_on=True),
    refused("a request as the body of one that is refused", posted(b"Content-Length: %d" % len(NEXT), body=NEXT).replace(b"orders", b"nobody"), 404, "route_not_found", goes_on=True),
]  # fmt: skip

ROWS = [
    *(*LENGTHS, *CODINGS, *CODINGS_REFUSED_BY_RULE, *CHUNKS, *FIELDS),
    *(*HOSTS, *LINES, *VERSIONS, *CONNECTIONS),
]


@pytest.mark.parametrize("row", ROWS)
async def test_row(row: Row, start_gateway: StartGateway, start_keep_alive: StartKeepAlive) -> None:
    gateway, upstream = await start_gateway(), await start_keep_alive()
    await gateway.register("orders_service", upstream.port)

    async with await RawClient.connect(gateway.port) as client, asyncio.timeout(10):
        await client.send(row.sent + (NEXT if row.follows else b""))
        answer = await client.answer()
        if row.garbage:
            assert problem_in(await client.answer()) == (400, "bad_request")
        if not row.keeps_connection:
            assert await client.reader.read(1) == b""
        else:
            if not row.follows:
                await client.send(NEXT)
            after = await client.answer()
            assert (after.status, after.body) == (200, b"ok")

    may_be_1_0 = b" HTTP/1.0\r\n" in row.sent
    assert answer.head.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ") if may_be_1_0 else b"HTTP/1.1 ")
    assert len(answer.values(b"x-correlation-id")) == 1
    if row.seen is None:
        assert problem_in(answer) == (row.status, row.reason)
    else:
        assert (answer.status, answer.body) == (200, b"ok")
    seen = [
        (
            received.request_line,
            tuple(b"%b: %b" % f for f in received.fields if f[0].lower() not in ADDED),
            received.body,
        )
        for received in upstream.requests
    ]
    expected = [] if row.seen is None else [(row.seen[0], in_wire_form(row.seen[1]), row.seen[2])]
    if row.keeps_connection:
        expected.append((b"GET /next HTTP/1.1", (H,), b""))
    assert seen == expected
    for received in upstream.requests:
        assert received.values(b"x-forwarded-for") == [b"127.0.0.1"]
        assert len(received.values(b"host")) == 1


def in_wire_form(fields: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(b"%b: %b" % (f.partition(b":")[0], f.partition(b":")[2].strip()) for f in fields)


def test_there_are_rows_enough_and_none_twice() -> None:
    assert len(ROWS) >= 150
    assert len({(row.values[0].sent, row.values[0].follows) for row in ROWS}) == len(ROWS)
    assert len({row.id for row in ROWS}) == len(ROWS)


# Cases that need more than one write


@pytest.mark.parametrize(
    "rest",
    [
        b"ZZ\r\n",
        b"0x5\r\n",
        b"5 \r\n",
        b"5\nhello\r\n",
        b"5\r\nhelloXX",
        b"0\r\nContent-Length: 1\r\n\r\n",
    ],
    ids=["letters", "0x", "space", "LF", "no CRLF", "length as a trailer"],
)
async def test_a_body_that_goes_wrong_half_way_never_reaches_the_instance_whole(
    rest: bytes, start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    seen = bytearray()

    async def read(received: Received, connection: ServedConnection) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await received.reader.read(2**16):
                seen.extend(data)
        connection.writer.close()

    gateway, upstream = await start_gateway(), await start_keep_alive(read, read_body=False)
    await gateway.register("orders_service", upstream.port)
    client = await RawClient.connect(gateway.port)
    await client.send(request(H, CHUNKED, method=b"POST", body=b"5\r\nhello\r\n"))
    await eventually(lambda: b"hello" in seen)
    await client.send(rest + NEXT)

    try:
        assert problem_in(await client.answer()) == (400, "bad_request")
        assert await client.closed()
    finally:
        await client.close()
    await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)
    assert not seen.endswith(b"0\r\n\r\n")
    assert len(upstream.requests) == 1


async def test_continue_is_asked_for_once_and_the_body_follows(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    gateway, upstream = await start_gateway(), await start_keep_alive()
    await gateway.register("orders_service", upstream.port)
    client = await RawClient.connect(gateway.port)

    await client.send(posted(b"Expect: 100-Continue", FIVE, body=b""))
    interim = await client.answer()
    await client.send(b"hello" + NEXT)
    answers = [await client.answer(), await client.answer()]
    await client.close()

    assert interim.head == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert [answer.status for answer in answers] == [200, 200]
    assert [(r.request_line, r.body) for r in upstream.requests] == [
        (POST, b"hello"),
        (b"GET /next HTTP/1.1", b""),
    ]
    assert upstream.requests[0].values(b"expect") == []


@pytest.mark.parametrize("protocol", [b"h2c", b"foo", b"h2c, websocket"])
async def test_a_request_behind_an_upgrade_that_is_declined_is_answered(
    protocol: bytes, start_gateway: StartGateway, start_keep_alive: StartKeepAlive
) -> None:
    gateway, upstream = await start_gateway(), await start_keep_alive()
    await gateway.register("orders_service", upstream.port)
    client = await RawClient.connect(gateway.port)
    try:
        await client.send(request(H, b"Connection: Upgrade", b"Upgrade: " + protocol) + NEXT)

        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 200
    finally:
        await client.close()
