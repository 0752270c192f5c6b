"""What is found of two answers, without a network."""

import gzip
import json
import zlib
from typing import Any

import pytest

from discovery.base.steps import at_once
from middlewares.mirror.deciding.comparing import MOST_FOUND, MOST_KEPT, Seen, Verdict, compared
from middlewares.mirror.deciding.readable import MOST_BODY_BYTES
from middlewares.mirror.policy import Comparison

JSON = Comparison(json=True)
TYPE = (b"Content-Type", b"application/json; charset=utf-8")


def seen(body: bytes | None, *fields: tuple[bytes, bytes], status: int = 200) -> Seen:
    return Seen(status, [TYPE, *fields], body)


def verdict(one: Seen, other: Seen, by: Comparison = JSON) -> Verdict:
    return at_once(compared(one, other, by))


def of(value: Any) -> Seen:
    return seen(json.dumps(value).encode())


def test_after_other_statuses_nothing_else_is_compared() -> None:
    found = verdict(seen(b"1"), seen(b"2", status=404)).found
    assert [(one.kind, one.original, one.copy) for one in found] == [("status", "200", "404")]


def test_headers_count_with_their_order_and_not_by_their_case() -> None:
    by = Comparison(headers=(b"x-a", b"x-b"), values=True)
    one = Seen(200, [(b"X-A", b"1"), (b"x-a", b"2")])
    other = Seen(200, [(b"x-A", b"2"), (b"X-a", b"1"), (b"X-B", b"3")])
    found = verdict(one, other, by).found
    assert [(one.place, one.original, one.copy) for one in found] == [
        ("x-a", "1, 2", "2, 1"),
        ("x-b", "", "3"),
    ]


def test_bodies_are_compared_only_where_that_is_asked_for() -> None:
    assert verdict(of(1), of(2), Comparison()) == Verdict()


def test_bodies_that_are_no_json_are_not_compared() -> None:
    html = Seen(200, [(b"Content-Type", b"text/html")], b"a")
    assert verdict(html, html._replace(body=b"b")) == Verdict()


@pytest.mark.parametrize("body", [b"{", b"", b"[" * 2000, b"1" * 1000, b'"\\ud800"', b"\xff"])
def test_json_that_can_not_be_read_is_told(body: bytes) -> None:
    (found,) = verdict(seen(body), seen(b"{}")).found
    assert (found.kind, found.original, found.copy) == (
        "body",
        f"{len(body)} bytes that are not JSON",
        "JSON",
    )
    assert verdict(seen(body), seen(body)) == Verdict()


@pytest.mark.parametrize(
    ("one", "other", "unread"),
    [
        (None, b"1", "too_large"),
        (b"1", None, "too_large"),
        (b" " * MOST_BODY_BYTES + b"1", b"1", "too_large"),
    ],
)
def test_a_body_that_was_not_read_is_told(
    one: bytes | None, other: bytes | None, unread: str
) -> None:
    assert verdict(seen(one), seen(other)) == Verdict((), unread)


def test_codings_are_undone_in_their_order() -> None:
    twice = seen(zlib.compress(gzip.compress(b"1")), (b"Content-Encoding", b"gzip, Deflate"))
    assert verdict(twice, seen(b"1", (b"Content-Encoding", b"identity"))) == Verdict()


def test_many_codings_around_one_another_are_not_undone() -> None:
    body = b"1"
    for _ in range(4):
        body = gzip.compress(body)
    coded = seen(body, (b"Content-Encoding", b"gzip,gzip"), (b"Content-Encoding", b"gzip, gzip"))
    assert verdict(coded, seen(b"1")).unread == "coding"


@pytest.mark.parametrize("coding", [b"compress", b"gzip"])
def test_a_coding_that_can_not_be_undone_is_told(coding: bytes) -> None:
    assert verdict(seen(b"1", (b"Content-Encoding", coding)), seen(b"1")).unread == "coding"


def test_a_bomb_is_left() -> None:
    bomb = seen(gzip.compress(b" " * 2**24), (b"Content-Encoding", b"gzip"))
    assert verdict(bomb, seen(b"1")).unread == "too_large"


def test_many_differences_are_kept_by_place_and_bounded() -> None:
    one = {f"n{number}": 1 for number in range(MOST_FOUND * 2)}
    assert len(verdict(of(one), of({})).found) == MOST_KEPT
    items = verdict(of([1] * 500), of([2] * 500)).found
    assert [(found.place, found.at) for found in items] == [("/*", "/0")]


def test_the_work_pauses() -> None:
    one = of([1] * 10_000)
    other = of([1] * 9_999 + [2])
    steps = compared(one, other, JSON)
    paused = sum(1 for _ in steps)
    assert paused >= 100
