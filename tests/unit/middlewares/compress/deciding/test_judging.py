"""Which answers are compressed for clients that take it."""

from dataclasses import replace

import pytest

from middlewares.compress.deciding.fields import Seen
from middlewares.compress.deciding.judging import is_of_one_that_may, may_compress
from middlewares.compress.policy import CompressPolicy

POLICY = CompressPolicy()
PAGE = Seen(media_type=b"text/html; charset=utf-8")


def judged(
    status: int = 200,
    found: Seen = PAGE,
    length: int | None = 5000,
    *,
    policy: CompressPolicy = POLICY,
    streams_events: bool = False,
) -> bool:
    return may_compress(policy, status, found, length, streams_events=streams_events)


@pytest.mark.parametrize("status", [200, 201, 203, 404, 500, 503])
def test_a_text_is_compressed_whatever_its_status(status: int) -> None:
    assert judged(status)


@pytest.mark.parametrize("status", [101, 204, 205, 206, 304])
def test_an_answer_without_a_body_or_with_a_part_is_not(status: int) -> None:
    assert not judged(status)


def test_a_tiny_body_is_not_and_one_of_unknown_length_is() -> None:
    assert not judged(length=1024)
    assert judged(length=1025)
    assert judged(length=None)


def test_what_is_encoded_or_a_part_or_must_stay_is_not() -> None:
    assert not judged(found=replace(PAGE, is_coded=True))
    assert not judged(found=replace(PAGE, is_part=True))
    assert not judged(found=replace(PAGE, no_transform=True))


def test_event_streams_are_compressed_only_where_asked() -> None:
    events = Seen(media_type=b"text/event-stream")
    assert not judged(found=events, length=None, streams_events=True)
    policy = CompressPolicy(event_streams=True)
    assert judged(found=events, length=None, streams_events=True, policy=policy)


@pytest.mark.parametrize(
    ("media_type", "is_one"),
    [
        (b"text/plain", True),
        (b"TEXT/HTML;charset=utf-8", True),
        (b"application/json ; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"application/atom+xml", True),
        (b"image/svg+xml", True),
        (b"image/png", False),
        (b"application/zip", False),
        (b"application/octet-stream", False),
        (b"application/+json", False),
        (b"text/", False),
        (b"text", False),
        (b"", False),
        (None, False),
    ],
)
def test_types_that_compress_well_are_compressed(media_type: bytes | None, is_one: bool) -> None:
    assert judged(found=Seen(media_type=media_type)) is is_one


@pytest.mark.parametrize(
    ("status", "found", "is_one"),
    [
        (304, Seen(), True),
        (304, PAGE, True),
        (304, Seen(media_type=b"image/png"), False),
        (304, Seen(is_coded=True), False),
        (304, Seen(no_transform=True), False),
        (206, replace(PAGE, is_part=True), True),
        (206, Seen(media_type=b"multipart/byteranges; boundary=a"), True),
        (206, Seen(media_type=b"image/png", is_part=True), False),
        (200, Seen(media_type=b"image/png"), False),
        (204, Seen(), False),
    ],
)
def test_304_and_206_are_of_an_answer_that_may_be(status: int, found: Seen, is_one: bool) -> None:
    assert is_of_one_that_may(POLICY, status, found) is is_one
