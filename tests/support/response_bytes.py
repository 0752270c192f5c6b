"""Makes responses as bytes together with their meaning, cuts them, and reads them."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gateway.forwarding.plain_answers import PlainAnswers
from gateway.upstream.messages import End, FieldLine, Invalid, ResponseHead
from gateway.upstream.response_reader import ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"
#: LOCKGATE_TEST_EXAMPLES=10000 makes more.
EXAMPLES = int(os.environ.get("LOCKGATE_TEST_EXAMPLES", "60"))

fuzzed = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    """Cut the data into pieces at the places `at`, in any order."""
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@dataclass(frozen=True)
class Outcome:
    """What a reader made of a response.

    `complete`: the body came to its end. `failure` is why it did not, or why no head came: "invalid" or
    "cut off". Neither is set while more is expected. `reusable`: nothing came after the response, and
    the connection may carry another.
    """

    status: int | None
    phrase: bytes
    fields: tuple[FieldLine, ...]
    body: bytes
    complete: bool
    failure: str | None
    reusable: bool


@dataclass(frozen=True)
class Response:
    """A valid response and its meaning; `ends`: the body runs until the close."""

    data: bytes
    expected: Outcome
    method: str = "GET"
    ends: bool = False


_tokens = st.from_regex(rb"X-[A-Za-z0-9!#$%&'*+.^_`|~-]{0,8}", fullmatch=True)
_values = st.from_regex(
    rb"([!-~\x80-\xff]([ \t!-~\x80-\xff]{0,10}[!-~\x80-\xff])?)?", fullmatch=True
)
_phrases = st.sampled_from([b"OK", b"", b"Not Found", b"caf\xe9", b"a\tb", b"200"])
_interim = st.sampled_from(
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
        b"HTTP/1.1 102\r\nA: b\r\n\r\n",
    ]
)
_extensions = st.sampled_from(
    [b"", b";a", b";a=b", b';a="b c"', b";a;b=c", b" ", b" \t", b" ; a=b", b" ;a = b ", b";"]
)
_pads = st.sampled_from([b"", b" ", b"\t", b" \t "])


@st.composite
def _chunked(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body, and the same body in chunks."""
    pieces = draw(st.lists(st.binary(min_size=1, max_size=30), max_size=4))
    wire = b""
    for piece in pieces:
        size = draw(st.sampled_from([b"%x", b"%X", b"00%x"])) % len(piece)
        wire += b"%b%b\r\n%b\r\n" % (size, draw(_extensions), piece)
    trailers = draw(st.lists(st.tuples(_tokens, _values), max_size=2))
    wire += b"%b%b\r\n" % (draw(st.sampled_from([b"0", b"000"])), draw(_extensions))
    wire += b"".join(b"%b: %b\r\n" % trailer for trailer in trailers) + b"\r\n"
    return b"".join(pieces), wire


@st.composite
def responses(draw: st.DrawFn) -> Response:
    method = draw(st.sampled_from(["GET", "GET", "POST", "HEAD"]))
    status = draw(st.sampled_from([200, 200, 201, 206, 302, 404, 500, 599, 204, 304]))
    phrase = draw(_phrases)
    fields = draw(st.lists(st.tuples(_tokens, _values), max_size=4))
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    bodiless = method == "HEAD" or status in (204, 304)
    body, wire = draw(_chunked())
    framed: list[tuple[bytes, bytes]] = []
    if framing == "length":
        name = draw(st.sampled_from([b"Content-Length", b"content-length", b"CONTENT-LENGTH"]))
        framed = [(name, draw(st.sampled_from([b"%d", b"00%d"])) % len(body))]
        wire = body
    elif framing == "chunked":
        framed = [
            (
                draw(st.sampled_from([b"Transfer-Encoding", b"transfer-encoding"])),
                draw(st.sampled_from([b"chunked", b"Chunked"])),
            )
        ]
    else:
        wire = body
    closes = draw(st.booleans())
    if closes:
        framed.append((b"Connection", b"close"))
    where = draw(st.integers(0, len(fields)))
    fields[where:where] = framed
    head = b"HTTP/1.1 %d %b\r\n" % (status, phrase)
    head += b"".join(b"%b:%b%b\r\n" % (name, draw(_pads), value) for name, value in fields)
    interim = b"".join(draw(st.lists(_interim, max_size=2)))
    ends = framing == "close" and not bodiless
    # The parser closes the connection if the answer to a HEAD does not give the body's length.
    keeps = not closes and (framing != "close" or status in (204, 304))
    expected = Outcome(
        status, phrase, tuple(fields), b"" if bodiless else body, True, None, keeps and not ends
    )
    data = interim + head + b"\r\n" + (b"" if bodiless else wire)
    return Response(data, expected, method, ends)


cuts = st.lists(st.integers(0, 10_000), max_size=6)


def outcome_of(
    pieces: Sequence[bytes],
    *,
    method: str = "GET",
    upgrades: bool = False,
    end: bool | Exception = False,
) -> Outcome:
    """What a reader makes of the pieces and of an end: True is a FIN, an exception a reset.

    The parser alone and a reader of plain heads must make the same of them.
    """
    alone, with_plain = (
        _outcome_of(ResponseReader(64 * 1024, read_plain), pieces, method, upgrades, end)
        for read_plain in (None, _plain_answers.read)
    )
    assert with_plain == alone
    return alone


_plain_answers = PlainAnswers()


def _outcome_of(
    reader: ResponseReader,
    pieces: Iterable[bytes],
    method: str,
    upgrades: bool,
    end: bool | Exception,
) -> Outcome:
    reader.begin(method, upgrades=upgrades)
    head: ResponseHead | None = None
    body, last, failure, surplus = b"", None, None, False
    for piece in filter(None, pieces):
        if last is not None or failure is not None:
            surplus = True
            break
        for said in reader.feed(piece):
            assert last is None, "nothing is said behind the end"
            assert failure is None
            if isinstance(said, bytes):
                assert head is not None
                body += said
            elif isinstance(said, End):
                last = said
            elif isinstance(said, Invalid):
                failure = "invalid"
            elif said.status >= 200 or said.status == 101:
                assert head is None
                head = said
    if end is not False and last is None and failure is None:
        last = reader.finish() if end is True else None
        failure = "cut off" if last is None else None
    reader.close()
    return Outcome(
        head.status if head is not None else None,
        head.phrase if head is not None else b"",
        tuple(head.fields) if head is not None else (),
        body,
        last is not None,
        failure,
        last is not None and last.reusable and not surplus,
    )
