"""A body that is kept while it comes, and read by many."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.bodies import Abandoned, pour
from middlewares.cache.body import (
    AT_ONCE_BYTES,
    JOINED_BYTES,
    MOST_UNREAD_BYTES,
    KeptBody,
    Room,
    StoredBody,
    Waiting,
    joined,
)
from middlewares.failures import Failure, UpstreamReset


async def all_of(reader: object) -> bytes:
    pieces = []
    while piece := await reader.read():  # type: ignore[attr-defined]
        pieces.append(piece)
    return b"".join(pieces)


async def test_readers_that_come_late_read_from_the_beginning() -> None:
    body = KeptBody(1000)
    early = body.reader()
    body.take(b"one ")
    late = body.reader()
    reading = asyncio.gather(all_of(early), all_of(late))
    body.take(b"two")
    body.end()
    assert list(await reading) == [b"one two", b"one two"]
    assert body.kept() == (b"one two",)


async def test_a_whole_body_waits_for_nobody() -> None:
    body = KeptBody(MOST_UNREAD_BYTES * 4)
    body.reader()
    assert all(body.take(b"x" * MOST_UNREAD_BYTES) for _ in range(4))


async def test_a_body_over_the_cap_waits_for_its_slowest_reader_and_keeps_nothing_behind_it() -> (
    None
):
    body = KeptBody(10)
    quick, slow = body.reader(), body.reader()
    assert body.take(b"a" * MOST_UNREAD_BYTES)
    assert body.take(b"b")
    assert not body.take(b"c")
    assert len(await quick.read()) == MOST_UNREAD_BYTES
    assert not body.take(b"c")
    room = asyncio.ensure_future(body.room())
    assert len(await slow.read()) == MOST_UNREAD_BYTES
    await room
    assert body.take(b"c")
    assert body.pieces == [b"b", b"c"]
    assert not body.is_whole


async def test_a_slow_reader_that_leaves_is_waited_for_no_longer() -> None:
    body = KeptBody(10)
    quick, slow = body.reader(), body.reader()
    body.take(b"a" * MOST_UNREAD_BYTES)
    body.take(b"b")
    await quick.read()
    await quick.read()
    room = asyncio.ensure_future(body.room())
    slow.release()
    await room
    assert body.take(b"c")


async def test_a_body_over_the_cap_that_nobody_reads_is_abandoned() -> None:
    body = KeptBody(10)
    reader = body.reader()
    body.take(b"a" * 11)
    reader.release()
    assert not body.take(b"b")
    with pytest.raises(Abandoned):
        await body.room()


async def test_it_says_once_that_it_outgrew_the_cap_and_when_nobody_reads_it() -> None:
    said: list[str] = []
    body = KeptBody(
        10, outgrew=lambda why: said.append(why.value), unread=lambda: said.append("unread")
    )
    first, second = body.reader(), body.reader()
    for _ in range(3):
        body.take(b"a" * 8)
    assert said == ["too-large"]
    first.release()
    first.release()
    assert said == ["too-large"]
    second.release()
    assert said == ["too-large", "unread"]


async def test_bodies_that_slow_readers_hold_take_no_more_than_there_is_room_for() -> None:
    said: list[str] = []
    room = Room(MOST_UNREAD_BYTES)
    first = KeptBody(MOST_UNREAD_BYTES, room=room)
    slow = first.reader()
    first.take(b"a" * MOST_UNREAD_BYTES)
    first.end()
    second = KeptBody(MOST_UNREAD_BYTES, room=room, outgrew=lambda why: said.append(why.value))
    quick = second.reader()
    assert second.take(b"b")
    assert await quick.read() == b"b"
    assert said == ["no-room"]
    assert not second.is_whole
    slow.release()
    assert room.bytes == 0
    third = KeptBody(MOST_UNREAD_BYTES, room=room)
    assert third.too_much(MOST_UNREAD_BYTES) is None


async def test_a_body_takes_no_room_once_it_is_over_and_read_by_all() -> None:
    room = Room(100)
    for ends in (KeptBody.end, lambda body: body.broke(UpstreamReset("gone"))):
        for leaves_first in (True, False):
            body = KeptBody(10, room=room)
            reader = body.reader()
            body.take(b"half")
            assert room.bytes == 4
            if leaves_first:
                reader.release()
            ends(body)
            reader.release()
            assert room.bytes == 0


@given(st.lists(st.integers(0, 3)), st.integers(0, 12))
async def test_readers_at_any_places_get_all_of_it_and_no_more_is_kept_than_one_has_to_read(
    turns: list[int], cap: int
) -> None:
    """In any order of new pieces (0) and of steps of three readers."""
    body = KeptBody(cap)
    readers = {number: body.reader() for number in (1, 2, 3)}
    got = dict.fromkeys(readers, b"")
    for number, turn in enumerate(turns):
        if turn == 0:
            assert body.take(b"%d," % number)
        elif len(got[turn]) < body.length:
            got[turn] += await readers[turn].read()
    kept = b"".join(body.pieces)
    assert len(kept) == body.length - (0 if body.is_whole else min(map(len, got.values())))
    body.end()
    for number, reader in readers.items():
        got[number] += await all_of(reader)
    assert set(got.values()) == {b"".join(b"%d," % n for n, turn in enumerate(turns) if not turn)}


@pytest.mark.parametrize("why", [Abandoned(), KeyError("ours")])
async def test_whatever_ends_a_body_early_breaks_its_answers_off_by_a_failure(
    why: Exception,
) -> None:
    body = KeptBody(100)
    reader = body.reader()
    body.broke(why)
    with pytest.raises(Failure):
        await reader.read()


async def test_a_body_that_nobody_reads_is_kept_up_to_the_cap() -> None:
    body = KeptBody(10)
    assert body.take(b"0123456789")
    body.end()
    assert body.kept() == (b"0123456789",)


async def test_readers_of_a_body_that_breaks_off_hear_why_after_what_came() -> None:
    body = KeptBody(100)
    reader = body.reader()
    body.take(b"half")
    body.broke(UpstreamReset("gone"))
    assert await reader.read() == b"half"
    with pytest.raises(UpstreamReset):
        await reader.read()
    assert not body.is_whole


async def test_a_small_body_that_has_ended_is_sent_at_once() -> None:
    body = KeptBody(AT_ONCE_BYTES * 2)
    reader = body.reader()
    body.take(b"all")
    assert not reader.is_complete()
    body.end()
    assert reader.is_complete()
    assert reader.length == 3
    assert reader.rest() == b"all"


async def test_stored_pieces_are_passed_on_without_a_copy() -> None:
    pieces = (b"x" * AT_ONCE_BYTES, b"y")
    stored = StoredBody(pieces, AT_ONCE_BYTES + 1)
    assert not stored.is_complete()
    assert (await stored.read()) is pieces[0]
    assert (await stored.read()) is pieces[1]
    assert await stored.read() == b""
    one = StoredBody((b"one",), 3)
    assert one.is_complete()
    assert one.rest() == b"one"


async def test_many_readers_are_woken_some_at_a_time() -> None:
    waiting = Waiting()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await waiting.wait()
        woken.append(number)

    tasks = [asyncio.ensure_future(wait(number)) for number in range(200)]
    await asyncio.sleep(0)
    waiting.wake()
    await asyncio.sleep(0)
    assert 0 < len(woken) < 200
    await asyncio.gather(*tasks)
    assert woken == list(range(200))


async def test_a_body_is_poured_into_it() -> None:
    body = KeptBody(100)
    reader = body.reader()
    await pour(StoredBody((b"a", b"b"), 2), body)
    assert await all_of(reader) == b"ab"


def test_small_pieces_are_joined_and_large_ones_are_not_copied() -> None:
    large = b"z" * JOINED_BYTES
    made = joined([b"a", b"b", large, b"c"])
    assert made == [b"ab", large, b"c"]
    assert made[1] is large
