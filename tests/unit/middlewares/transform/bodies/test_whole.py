"""Whole bodies: the loop has its turns, and bombs are left."""

import asyncio
import gzip
import threading
from collections.abc import Generator
from typing import Any

import pytest

from middlewares.transform.bodies.deciding.editing import edited
from middlewares.transform.bodies.deciding.messages import Kind
from middlewares.transform.bodies.deciding.rules import JsonValue, Query, Remove, Rule, Set
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.bodies.whole import (
    MOST_BYTES,
    MOST_LINES,
    NotChanged,
    Why,
    changed_whole,
)
from middlewares.transform.deciding.variables import Variable

REMOVE = Remove((("*", "s"),))
ITEMS = b"[" + b",".join(b'{"s":%d,"n":1.0}' % one for one in range(40_000)) + b"]"
CHANGED = b"[" + b",".join([b'{"n":1.0}'] * 40_000) + b"]"


class NoValues:
    def value(self, _variable: Variable) -> str | None:
        return None


async def changed(
    body: bytes, coding: bytes = b"", *, kind: Kind = Kind.WHOLE, rule: Rule = REMOVE, how: Encoded = Encoded.REDO
) -> bytes | None:  # fmt: skip
    return await changed_whole(body, kind, coding, BodyRules((rule,), encoded=how), NoValues(), [])


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (Kind.WHOLE, ITEMS, CHANGED),
        (Kind.LINES, b'[{"s":1}]\n' * 20_000, b"[{}]\n" * 20_000),
    ],
)
async def test_the_loop_has_its_turns_while_a_large_body_is_changed(
    kind: Kind, body: bytes, expected: bytes
) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    try:
        assert await changed(body, kind=kind) == expected
    finally:
        counting.cancel()
    assert turns > 5


async def test_jmespath_reads_large_bodies_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    to_thread = asyncio.to_thread

    async def seen(*args: object) -> object:
        threads.append(threading.active_count())
        return await to_thread(*args)

    monkeypatch.setattr(asyncio, "to_thread", seen)
    small, large = b'[{"n":1.0}]', b'[{"n":1.0},"' + b"x" * 30_000 + b'"]'
    for body in (small, large):
        assert await changed(body, rule=Query("[0].n")) == b"1.0"
    assert len(threads) == 1


async def test_a_coding_is_undone_and_redone() -> None:
    body = gzip.compress(ITEMS)
    redone = await changed(body, b"gzip")
    assert redone is not None
    assert gzip.decompress(redone) == CHANGED
    assert await changed(body, b"gzip", how=Encoded.PLAIN) == CHANGED
    assert await changed(gzip.compress(b"[{}]"), b"gzip") is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (gzip.compress(b"[" + b" " * MOST_BYTES + b"]"), Why.TOO_LARGE),
        (gzip.compress(b"[" + b"1," * 5_000_000 + b"1]"), Why.TOO_LARGE),
        (gzip.compress(b"[{}]")[:-1], Why.CODING),
        (b"[{}]", Why.CODING),
        (gzip.compress(b'["s"'), Why.NOT_JSON),
    ],
    ids=["large", "bomb", "cut off", "no gzip", "no JSON"],  # gzip writes the time
)
async def test_what_can_not_be_changed(body: bytes, why: Why) -> None:
    with pytest.raises(NotChanged) as raised:
        await changed_whole(
            body, Kind.WHOLE, b"gzip", BodyRules((REMOVE,), refuses=True), NoValues(), []
        )
    assert raised.value.why is why


LONG = JsonValue(('"' + "x" * 4_000 + '"',))


@pytest.mark.parametrize(
    ("kind", "body"),
    [(Kind.WHOLE, b"[" + b",".join([b"{}"] * 5_000) + b"]"), (Kind.LINES, b"[{}]\n" * 5_000)],
)
async def test_what_rules_put_in_has_a_bound(kind: Kind, body: bytes) -> None:
    with pytest.raises(NotChanged, match="too large") as raised:
        await changed(body, kind=kind, rule=Set(("*", "a"), LONG))
    assert raised.value.why is Why.TOO_LARGE


async def test_lines_have_a_bound() -> None:
    assert await changed(b'{"s":1}\n' * MOST_LINES, kind=Kind.LINES, rule=Remove((("s",),)))
    with pytest.raises(NotChanged) as raised:
        await changed(b"\n" * (MOST_LINES + 1), kind=Kind.LINES)
    assert (raised.value.why, raised.value.seen) == (Why.TOO_LARGE, "it has more than 20000 lines")


@pytest.mark.parametrize(
    ("body", "why"),
    [(b'"' + b"x" * 300_000 + b'"', Why.TOO_LARGE), (b'{"a":"b"}', Why.QUERY), (b"{", Why.NOT_JSON)],
)  # fmt: skip
async def test_what_jmespath_can_not_read(body: bytes, why: Why) -> None:
    with pytest.raises(NotChanged) as raised:
        await changed(body, rule=Query("abs(a)"))
    assert raised.value.why is why


async def test_large_bodies_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made of one takes many times its size."""
    at_a_time = most = 0

    def seen(*args: Any, **kwargs: Any) -> Generator[None, None, bytes]:
        nonlocal at_a_time, most
        at_a_time += 1
        most = max(most, at_a_time)
        made = yield from edited(*args, **kwargs)
        at_a_time -= 1
        return made

    monkeypatch.setattr("middlewares.transform.bodies.whole.edited", seen)
    assert await asyncio.gather(*[changed(ITEMS) for _ in range(6)]) == [CHANGED] * 6
    assert most == 2


async def test_a_body_that_no_rule_touches_is_not_changed() -> None:
    assert await changed(b' [{"n":1.0}]') is None
    assert await changed(b'{"n":1.0}\n', kind=Kind.LINES) is None
