"""Streams of lines and events in any coding and any pieces, and what breaks them off."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.bodies import Trailers
from middlewares.codings import Decoder, encoder
from middlewares.failures import TransformFailed
from middlewares.transform.bodies.deciding.messages import Kind
from middlewares.transform.bodies.deciding.rules import Query, Remove, Rule
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.bodies.streamed import StreamedBody
from middlewares.transform.bodies.whole import NotChanged, Why
from middlewares.transform.deciding.variables import Variable

REMOVE = Remove((("s",),))


class NoValues:
    def value(self, _variable: Variable) -> str | None:
        return None


class Source:
    """A body that comes in these pieces."""

    def __init__(self, pieces: Iterable[bytes], trailers: Trailers = ()) -> None:
        self.trailers = trailers
        self._pieces = iter(pieces)

    def is_complete(self) -> bool:
        return False

    def rest(self) -> bytes:
        return b""

    def forward_to(self, _take: Callable[[bytes], bool]) -> None:
        raise AssertionError("pieces are read, not forwarded")

    async def read(self) -> bytes:
        return next(self._pieces, b"")


def cut(body: bytes, at: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(body), *(min(one, len(body)) for one in at)})
    return [body[start:end] for start, end in pairwise(edges)]


def encoded(body: bytes, coding: str) -> bytes:
    if not coding:
        return body
    made = encoder(coding.encode())
    return made.feed(body) + made.finish()


def decoded(body: bytes, coding: str) -> bytes:
    if not coding:
        return body
    made = Decoder(coding.encode())
    whole = b"".join(made.slices(body))
    made.end()
    return whole


async def read(body: StreamedBody) -> bytes:
    body.forward_to(lambda _piece: False)
    pieces = []
    while piece := await body.read():
        pieces.append(piece)
    assert await body.read() == b""
    return b"".join(pieces)


def streamed(
    pieces: Iterable[bytes], kind: Kind, coding: str = "", *, rule: Rule = REMOVE, refuses: bool = False,
    how: Encoded = Encoded.REDO, trailers: Trailers = (), told: list[tuple[Why, bool]] | None = None,
) -> StreamedBody:  # fmt: skip
    rules = BodyRules((rule,), refuses=refuses, encoded=how)

    def tell(error: NotChanged, refused: bool) -> None:
        if told is not None:
            told.append((error.why, refused))

    return StreamedBody(Source(pieces, trailers), kind, coding.encode(), rules, NoValues(), tell)


@pytest.mark.parametrize("coding", ["", "gzip", "deflate", "zstd", "br"])
@pytest.mark.parametrize("kind", [Kind.LINES, Kind.EVENTS])
@given(
    numbers=st.lists(st.integers(0, 99), max_size=6), at=st.lists(st.integers(0, 400), max_size=6)
)
async def test_the_same_comes_out_whatever_the_pieces_and_the_coding(
    coding: str, kind: Kind, numbers: list[int], at: list[int]
) -> None:
    before, after = b'{"s":%d,"n":%d.0}', b'{"n":%d.0}'
    if kind is Kind.EVENTS:
        before, after = b"id: 1\ndata: " + before + b"\n", b"id: 1\ndata: " + after + b"\n"
    sent = b"".join((before + b"\n") % (one, one) for one in numbers)
    expected = b"".join((after + b"\n") % one for one in numbers)
    pieces = cut(encoded(sent, coding), at)
    assert decoded(await read(streamed(pieces, kind, coding)), coding) == expected
    if coding:
        assert await read(streamed(pieces, kind, coding, how=Encoded.PLAIN)) == expected


async def test_a_stream_in_jmespath() -> None:
    large = b'{"a": "' + b"x" * 50_000 + b'", "b": 1.0}\n'
    body = streamed([b'{"b": 2.0}\n', large], Kind.LINES, rule=Query("b"))
    assert await read(body) == b"2.0\n1.0\n"


async def test_what_is_refused_breaks_the_stream_off() -> None:
    told: list[tuple[Why, bool]] = []
    body = streamed([b'{"s":1}\n', b"no\n"], Kind.LINES, refuses=True, told=told)
    assert await body.read() == b"{}\n"
    with pytest.raises(TransformFailed, match="can't be changed"):
        await body.read()
    assert told == [(Why.NOT_JSON, True)]


@pytest.mark.parametrize(
    ("line", "why"), [(b'{"s"\n', Why.NOT_JSON), (b'{"s":"%b"}\n' % bytes(300_000), Why.TOO_LARGE)]
)
async def test_what_passes_is_told_once(line: bytes, why: Why) -> None:
    told: list[tuple[Why, bool]] = []
    body = streamed([b'{"s":1}\n', line, line], Kind.LINES, told=told)
    assert await read(body) == b"{}\n" + line + line
    assert told == [(why, False)]


@pytest.mark.parametrize("kept", [slice(None, -3), slice(5, None)])
async def test_what_can_not_be_decoded_breaks_the_stream_off(kept: slice) -> None:
    piece = encoded(b'{"s":1}\n' * 100, "gzip")[kept]
    with pytest.raises(TransformFailed):
        await read(streamed([piece], Kind.LINES, "gzip"))


async def test_trailers_stay_but_for_digests() -> None:
    trailers = ((b"X-Sum", b"1"), (b"Content-Digest", b"x"))
    body = streamed([b"{}\n"], Kind.LINES, trailers=trailers)
    assert await read(body) == b"{}\n"
    assert body.trailers == ((b"X-Sum", b"1"),)
    assert (body.is_complete(), body.rest()) == (False, b"")
