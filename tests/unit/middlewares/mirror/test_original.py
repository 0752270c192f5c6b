"""What a copy knows of the client's own answer, and of a body that passes."""

import asyncio

import pytest

from middlewares.bodies import Abandoned
from middlewares.mirror.deciding.comparing import Seen
from middlewares.mirror.original import Original, UploadCopy


async def test_what_is_lost_is_known_at_once() -> None:
    original = Original(reads_json=True)
    original.lose("upstream_reset")
    await original.ended(60.0)
    assert (original.seen, original.lost) == (None, "upstream_reset")


async def test_an_answer_that_is_late_is_lost() -> None:
    original = Original(reads_json=False)
    await original.ended(0.001)
    assert original.lost == "late"


async def test_a_body_that_is_late_is_told() -> None:
    original = Original(reads_json=True)
    original.seen = Seen(200, [])
    await original.ended(0.001)
    assert original.seen.unread == "late"
    original.read(b"too late")
    assert original.seen.body is None


async def test_a_whole_upload_is_copied() -> None:
    upload = UploadCopy(8)
    waiting = asyncio.ensure_future(upload.whole())
    for piece in (b"four", b"and"):
        assert upload.take(piece)
    upload.end()
    upload.release()  # as the exchange ends
    assert await waiting == b"fourand"


@pytest.mark.parametrize("ends", [True, False])
async def test_an_upload_over_the_cap_is_let_go_at_once(ends: bool) -> None:
    upload = UploadCopy(3)
    assert upload.take(b"four")
    assert upload.take(b"more")
    if ends:
        upload.end()
    upload.release()
    assert (await upload.whole(), upload.why) == (None, "body_too_large")


async def test_an_upload_without_its_end_is_not_copied() -> None:
    upload = UploadCopy(8)
    upload.take(b"four")
    upload.broke(Abandoned())
    assert (await upload.whole(), upload.why) == (None, "body_incomplete")
