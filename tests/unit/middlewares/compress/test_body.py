"""A body that is compressed as it comes: no byte is lost, none waits for long, and the loop never does."""

import asyncio
import zlib
from collections.abc import Callable, Iterable

import pytest

from middlewares.bodies import Trailers
from middlewares.codings import Decoder, encoder
from middlewares.compress import body as body_module
from middlewares.compress.body import STEP_BYTES, CompressedBody, compressed_whole

TEXT = b"".join(b"line %d of a text that goes on\n" % number for number in range(20_000))
CODINGS = [b"gzip", b"zstd", b"br"]


class Source:
    """Gives pieces when they are put in; None ends the body."""

    trailers: Trailers = ()

    def __init__(self, pieces: Iterable[bytes | Exception] = ()) -> None:
        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.was_cancelled = False
        self.is_empty = asyncio.Event()
        for piece in pieces:
            self.queue.put_nowait(piece)

    async def read(self) -> bytes:
        if self.queue.empty():
            self.is_empty.set()
        try:
            piece = await self.queue.get()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if isinstance(piece, Exception):
            raise piece
        return piece

    def forward_to(self, take: Callable[[bytes], bool]) -> None:
        raise AssertionError("nothing overtakes what is compressed")

    def is_complete(self) -> bool:
        return False

    def rest(self) -> bytes:
        raise AssertionError


def decoded(coding: bytes, data: bytes) -> bytes:
    decoder = Decoder(coding)
    text = b"".join(decoder.slices(data))
    decoder.end()
    return text


def so_far(coding: bytes, data: bytes) -> bytes:
    return b"".join(Decoder(coding).slices(data))


async def read_all(body: CompressedBody) -> list[bytes]:
    pieces = []
    while piece := await body.read():
        pieces.append(piece)
    assert await body.read() == b""
    return pieces


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_body_in_pieces_of_any_size_comes_out_whole(coding: bytes) -> None:
    pieces = [TEXT[:1], TEXT[1:5], TEXT[5:200_000], TEXT[200_000:]]
    body = CompressedBody(Source([*pieces, b""]), encoder(coding, 3))
    made = b"".join(await read_all(body))
    assert decoded(coding, made) == TEXT
    assert len(made) < len(TEXT) / 3


@pytest.mark.parametrize("coding", CODINGS)
async def test_an_empty_body_is_a_valid_one(coding: bytes) -> None:
    made = b"".join(await read_all(CompressedBody(Source([b""]), encoder(coding, 3))))
    assert decoded(coding, made) == b""


@pytest.mark.parametrize("coding", CODINGS)
async def test_what_has_come_is_sent_when_nothing_more_comes(coding: bytes) -> None:
    source = Source([b"the beginning"])
    body = CompressedBody(source, encoder(coding, 3))
    made = b""
    while so_far(coding, made) != b"the beginning":
        made += await body.read()
    source.queue.put_nowait(b", and the end")
    source.queue.put_nowait(b"")
    made += b"".join(await read_all(body))
    assert decoded(coding, made) == b"the beginning, and the end"


@pytest.mark.parametrize("coding", CODINGS)
async def test_each_event_is_sent_with_the_piece_that_it_comes_in(
    coding: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "FLUSHED_AFTER_S", 3600.0)
    source = Source()
    body = CompressedBody(source, encoder(coding, 3), flushes_each=True)
    made = b""
    for number in range(5):
        source.queue.put_nowait(b"data: %d\n\n" % number)
        made += await body.read()
        assert so_far(coding, made).endswith(b"data: %d\n\n" % number)


async def test_others_have_their_turn_while_a_large_piece_is_compressed() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    try:
        await read_all(CompressedBody(Source([TEXT, b""]), encoder(b"gzip", 3)))
        in_pieces, turns = turns, 0
        await compressed_whole(TEXT, encoder(b"gzip", 3))
    finally:
        task.cancel()
    steps = len(TEXT) // STEP_BYTES
    assert in_pieces >= steps
    assert turns >= steps


@pytest.mark.parametrize("size", [0, 1, STEP_BYTES, STEP_BYTES + 1, len(TEXT)])
async def test_a_whole_body_comes_out_whole(size: int) -> None:
    made = await compressed_whole(TEXT[:size], encoder(b"gzip", 3))
    assert zlib.decompress(made, wbits=31) == TEXT[:size]


async def test_the_bytes_before_and_after_are_told_once() -> None:
    told: list[tuple[int, int]] = []
    source = Source([TEXT[:50_000], TEXT[50_000:], b""])
    body = CompressedBody(source, encoder(b"gzip", 3), tell=lambda *sizes: told.append(sizes))
    made = b"".join(await read_all(body))
    assert told == []
    body.release()
    body.release()
    assert told == [(len(TEXT), len(made))]


async def test_a_body_that_breaks_off_breaks_off() -> None:
    body = CompressedBody(Source([b"beginning", ConnectionError("gone")]), encoder(b"gzip", 3))
    with pytest.raises(ConnectionError):
        await read_all(body)
    body.release()


async def test_a_reader_that_leaves_ends_the_reading_of_the_source() -> None:
    source = Source([b"beginning"])
    body = CompressedBody(source, encoder(b"gzip", 3))
    made = b""
    while so_far(b"gzip", made) != b"beginning":
        made += await body.read()
    body.release()
    await asyncio.sleep(0)
    assert source.was_cancelled
    body.release()


async def test_a_reader_that_is_cancelled_while_it_waits_leaves_nothing_behind() -> None:
    source = Source([b"beginning"])
    body = CompressedBody(source, encoder(b"gzip", 3))
    reading = asyncio.ensure_future(read_all(body))
    await source.is_empty.wait()
    reading.cancel()
    await asyncio.wait([reading])
    body.release()
    await asyncio.sleep(0)
    assert {*asyncio.all_tasks()} == {asyncio.current_task()}


async def test_trailers_stay_but_for_digests() -> None:
    source = Source([b""])
    source.trailers = [(b"X-Sum", b"1"), (b"Content-Digest", b"sha-256=:x:")]
    body = CompressedBody(source, encoder(b"gzip", 3))
    await read_all(body)
    assert body.trailers == ((b"X-Sum", b"1"),)
