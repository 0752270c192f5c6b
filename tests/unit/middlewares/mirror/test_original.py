"""What a copy knows of the client's own answer, and of a body that passes."""

import asyncio

import pytest

from middlewares.bodies import Abandoned
from middlewares.mirror.deciding.comparing import Seen
from middlewares.mirror.original import Original, UploadCopy
from middlewares.mirror.room import Room


async def test_what_is_lost_is_known_at_once() -> None:
    original = Original(reads_json=True)
    original.lose("upstream_reset")
    assert await original.known(60.0) == (None, "upstream_reset")


async def test_an_answer_that_is_late_is_lost() -> None:
    original = Original(reads_json=False)
    assert await original.known(0.001) == (None, "late")
    assert original.lost == ""  # another copy may have more time


async def test_a_body_that_is_late_is_told() -> None:
    original = Original(reads_json=True)
    original.seen = Seen(200, [])
    assert await original.known(0.001) == (Seen(200, [], unread="late"), "")
    original.read(b"in time for others")
    assert await original.known(60.0) == (Seen(200, [], b"in time for others"), "")


async def test_why_no_instance_answered_counts_when_the_request_is_over() -> None:
    """A split may find another instance before."""
    original = Original(reads_json=True)
    original.failed("upstream_reset")
    assert original.lost == ""
    original.release()
    assert await original.known(60.0) == (None, "upstream_reset")


async def test_what_has_answered_is_not_lost_when_the_request_is_over() -> None:
    original = Original(reads_json=True)
    original.failed("upstream_reset")
    original.seen = Seen(200, [])
    original.read(b"1")
    original.release()
    assert await original.known(60.0) == (Seen(200, [], b"1"), "")


async def test_a_whole_upload_is_copied() -> None:
    upload = UploadCopy(8, Room(100))
    waiting = asyncio.ensure_future(upload.whole())
    for piece in (b"four", b"and"):
        assert upload.take(piece)
    upload.end()
    upload.release()  # as the exchange ends
    assert await waiting == b"fourand"


@pytest.mark.parametrize("ends", [True, False])
async def test_an_upload_over_the_cap_is_let_go_at_once(ends: bool) -> None:
    upload = UploadCopy(3, Room(100))
    assert upload.take(b"four")
    assert upload.take(b"more")
    if ends:
        upload.end()
    upload.release()
    assert (await upload.whole(), upload.why) == (None, "body_too_large")


async def test_an_upload_without_its_end_is_not_copied() -> None:
    upload = UploadCopy(8, Room(100))
    upload.take(b"four")
    upload.broke(Abandoned())
    assert (await upload.whole(), upload.why) == (None, "body_incomplete")


async def test_uploads_share_the_room_that_there_is() -> None:
    room = Room(10)
    first, second = UploadCopy(8, room), UploadCopy(8, room)
    first.take(b"six of")
    second.take(b"five.")
    assert (await second.whole(), second.why) == (None, "too_many")
    first.end()
    assert await first.whole() == b"six of"
    assert not room.take(5)
    first.close()
    assert room.take(10)
