"""Bodies that are made of an answer's body: whole, begun, and read by others before."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.bodies import Fanout, Pieces, Trailers, WhenSlow
from middlewares.changed_bodies import (
    BegunBody,
    ReadBody,
    WholeBody,
    read_whole,
)
from middlewares.failures import UpstreamReset

PIECES = st.lists(st.binary(min_size=1, max_size=9), max_size=9)


class Coming(Pieces):
    """A body whose pieces are not all here when it is asked."""

    def __init__(self, pieces: Sequence[bytes], *, breaks: bool = False) -> None:
        super().__init__(2**20)
        for piece in pieces:
            self.take(piece)
        if breaks:
            self.broke(UpstreamReset("gone"))
        else:
            self.end(((b"X-Sum", b"1"),))

    def is_complete(self) -> bool:
        return False

    def rest(self) -> bytes:
        return b""


class Keeping:
    """A reader that keeps what it gets."""

    def __init__(self, most_at_once: int = 2**20) -> None:
        self.data = b""
        self.trailers: Trailers | None = None
        self.why: Exception | None = None
        self._room = self._most = most_at_once

    def take(self, piece: bytes) -> bool:
        if self._room <= 0:
            return False
        self._room -= len(piece)
        self.data += piece
        return True

    async def room(self) -> None:
        self._room = self._most

    def end(self, trailers: Trailers = ()) -> None:
        self.trailers = trailers

    def broke(self, why: Exception) -> None:
        self.why = why


async def all_of(body: WholeBody | BegunBody | ReadBody) -> bytes:
    read = b""
    while piece := await body.read():
        read += piece
    return read


async def test_a_whole_body_can_be_sent_at_once_or_read_and_then_it_is_gone() -> None:
    body = WholeBody(b"abc", ((b"X", b"1"),))
    assert body.is_complete()
    assert (await body.read(), await body.read()) == (b"abc", b"")
    assert WholeBody(b"abc").rest() == b"abc"
    assert body.trailers == ((b"X", b"1"),)


@given(PIECES, st.integers(0, 30))
async def test_a_body_is_read_whole_or_goes_on_from_its_first_byte(
    pieces: list[bytes], most_bytes: int
) -> None:
    body = b"".join(pieces)
    for source in (Coming(pieces), WholeBody(body)):
        read = await read_whole(source, most_bytes)
        if len(body) <= most_bytes:
            assert read == body
        else:
            assert isinstance(read, BegunBody)
            assert await all_of(read) == body
            assert read.trailers == source.trailers


async def test_a_body_that_is_put_back_can_be_sent_in_one_write() -> None:
    begun = await read_whole(WholeBody(b"abcd"), 2)
    assert isinstance(begun, BegunBody)
    assert begun.is_complete()
    assert (begun.rest(), begun.rest()) == (b"abcd", b"")


@given(PIECES, st.integers(1, 20))
async def test_readers_get_a_body_as_it_was_and_a_slow_one_is_waited_for(
    pieces: list[bytes], most_at_once: int
) -> None:
    readers, sink = Fanout(), Keeping(most_at_once)
    readers.add(sink, when_slow=WhenSlow.HOLD)
    assert await all_of(ReadBody(Coming(pieces), readers)) == b"".join(pieces)

    assert sink.data == b"".join(pieces)
    assert sink.trailers == ((b"X-Sum", b"1"),)


async def test_a_reader_that_is_slow_and_not_waited_for_does_not_end_the_body() -> None:
    readers, sink = Fanout(), Keeping(1)
    readers.add(sink)
    assert await all_of(ReadBody(Coming([b"a", b"b", b"c"]), readers)) == b"abc"
    assert sink.why is not None


async def test_readers_learn_that_a_body_broke_off() -> None:
    readers, sink = Fanout(), Keeping()
    readers.add(sink)
    body = ReadBody(Coming([b"a"], breaks=True), readers)
    with pytest.raises(UpstreamReset):
        await all_of(body)
    assert isinstance(sink.why, UpstreamReset)
