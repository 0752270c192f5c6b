"""Content codings: what was encoded is decoded, in whatever pieces it comes, and bombs are left."""

import gzip
import zlib
from collections.abc import Iterable
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares import codings
from middlewares.codings import SLICE_BYTES, Decoder, NotDecoded, encoder, is_readable

ALL = [b"gzip", b"deflate", b"zstd", b"br"]
pytestmark = pytest.mark.filterwarnings("error")


def encoded(
    coding: bytes, pieces: Iterable[bytes], *, flushed: bool = False, is_small: bool = False
) -> bytes:
    made = encoder(coding, is_small=is_small)
    parts = []
    for piece in pieces:
        parts.append(made.feed(piece))
        if flushed:
            parts.append(made.flush())
    return b"".join([*parts, made.finish()])


def decoded(coding: bytes, pieces: Iterable[bytes]) -> bytes:
    made = Decoder(coding)
    body = b"".join(one for piece in pieces for one in made.slices(piece))
    made.end()
    return body


def cut(body: bytes, at: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({min(one, len(body)) for one in at}), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("coding", ALL)
@given(pieces=st.lists(st.binary(max_size=300), max_size=5), at=st.lists(st.integers(0, 900)))
def test_what_is_encoded_is_decoded_in_any_pieces(
    coding: bytes, pieces: list[bytes], at: list[int]
) -> None:
    body = b"".join(pieces)
    for flushed, is_small in product((False, True), repeat=2):
        data = encoded(coding, pieces, flushed=flushed, is_small=is_small)
        assert decoded(coding, cut(data, at)) == body


@pytest.mark.parametrize("coding", ALL)
def test_a_flush_gives_all_that_was_fed(coding: bytes) -> None:
    writing, reading = encoder(coding), Decoder(coding)
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        piece = writing.feed(event) + writing.flush()
        assert b"".join(reading.slices(piece)) == event


@pytest.mark.parametrize("coding", ALL)
def test_a_large_body_comes_in_slices(coding: bytes) -> None:
    body = b"".join(b"%d " % number for number in range(60_000))
    slices = list(Decoder(coding).slices(encoded(coding, [body])))
    assert b"".join(slices) == body
    # brotli's own buffer may grow by one step beyond the bound.
    assert max(map(len, slices)) <= 2 * SLICE_BYTES


@pytest.mark.parametrize("coding", ALL)
def test_a_bomb_is_left_before_it_is_large(coding: bytes) -> None:
    # 1,000 and more times smaller, but for gzip, which reaches no more than about 1,000.
    bomb = encoded(coding, [bytes(1024 * 1024)] * 30)
    slices = Decoder(coding).slices(bomb)
    got = 0

    def read() -> None:
        nonlocal got
        for one in slices:
            got += len(one)

    with pytest.raises(NotDecoded, match="too large"):
        read()
    assert got < codings.FREE_BYTES + len(bomb) * codings.MOST_TIMES + 2 * SLICE_BYTES


@pytest.mark.parametrize("coding", ALL)
def test_a_body_without_its_end_is_not_decoded(coding: bytes) -> None:
    body = encoded(coding, [b'{"a": 1}' * 100])
    for kept in (1, len(body) // 2, len(body) - 1):
        with pytest.raises(NotDecoded):
            decoded(coding, [body[:kept]])


@pytest.mark.parametrize("coding", ALL)
def test_an_empty_body_has_no_coding(coding: bytes) -> None:
    assert decoded(coding, []) == b""


@pytest.mark.parametrize("coding", ALL)
def test_what_is_not_encoded_is_not_decoded(coding: bytes) -> None:
    with pytest.raises(NotDecoded):
        decoded(coding, [b'{"a": "this is plain JSON, and in no coding at all"}'])


def test_several_members_of_gzip_and_frames_of_zstd_are_one_body() -> None:
    assert decoded(b"gzip", [gzip.compress(b"a") + gzip.compress(b"b")]) == b"ab"
    assert decoded(b"zstd", [encoded(b"zstd", [b"a"]) + encoded(b"zstd", [b"b"])]) == b"ab"


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"zstd"])
def test_a_bomb_of_parts_with_nothing_in_them_is_left(coding: bytes) -> None:
    """To begin a part takes time, which counted for nothing while none of them became anything."""
    with pytest.raises(NotDecoded, match="too many parts"):
        decoded(coding, [encoded(coding, []) * 1000])


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
def test_as_many_parts_with_something_in_them_are_one_body(coding: bytes) -> None:
    event = bytes(range(200))
    assert decoded(coding, [encoded(coding, [event]) * 1000]) == event * 1000


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_deflate_without_the_frame_of_zlib_is_read_too(level: int) -> None:
    made = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = made.compress(b'{"a": 1}') + made.flush()
    for pieces in ([body], [body[:1], body[1:]]):
        assert decoded(b"deflate", pieces) == b'{"a": 1}'


def test_what_zlib_holds_back_is_given_too() -> None:
    """All input is read when the last full slice is given, and some of the body is still to come."""
    body = bytes(3 * SLICE_BYTES + 100)
    assert decoded(b"gzip", [gzip.compress(body)]) == body


def test_a_window_that_is_too_large_is_refused() -> None:
    frame = bytes.fromhex("28b52ffd 00 a8 010000")  # a window of 2 GiB
    with pytest.raises(NotDecoded):
        decoded(b"zstd", [frame])


def test_readable_codings() -> None:
    assert all(map(is_readable, [*ALL, b"x-gzip"]))
    assert not is_readable(b"identity")
    assert not is_readable(b"compress")


def test_without_its_package_brotli_is_not_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codings, "find_spec", lambda _name: None)
    codings._has_brotli.cache_clear()
    try:
        assert not is_readable(b"br")
        assert is_readable(b"zstd")
    finally:
        codings._has_brotli.cache_clear()


@pytest.mark.parametrize("coding", ALL)
def test_a_level_changes_the_size(coding: bytes) -> None:
    body = b"".join(b'{"id": %d, "name": "no %d"}' % (one, one * one) for one in range(20_000))
    sizes = []
    for level in (1, 11):
        made = encoder(coding, min(level, 9) if coding in (b"gzip", b"deflate") else level)
        sizes.append(len(made.feed(body) + made.finish()))
    assert sizes[1] != sizes[0]
