"""Whole bodies, changed in turns with all else that the loop has to do."""

import asyncio
import time
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from enum import Enum
from typing import Final
from weakref import WeakKeyDictionary

from middlewares.codings import SLICE_BYTES, Decoder, NotDecoded, encoder
from middlewares.transform.bodies.deciding.editing import MOST_ADDED, done, edited
from middlewares.transform.bodies.deciding.grammar import NotJson, TooLarge
from middlewares.transform.bodies.deciding.messages import Kind
from middlewares.transform.bodies.deciding.pieces import Events, Lines
from middlewares.transform.bodies.deciding.queries import NotQueried
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.deciding.variables import Values

#: A larger body is not changed, neither as it comes nor decoded.
MOST_BYTES: Final = 1024 * 1024
#: Each line costs some microseconds, and a megabyte could have a million.
MOST_LINES: Final = 20_000
#: A piece of lines; each of its lines may become as long as what rules put into it.
_LINES_AT_ONCE: Final = 2 * 1024
#: Changing a large body takes fifty times its size in memory, so only some are changed at a time.
_LARGE: Final = 64 * 1024
_LARGE_AT_A_TIME: Final = 2
#: The loop waits no longer than about this for what is done here.
_TURN_S: Final = 0.002
#: JMESPath reads so much in a few milliseconds.
_QUERIED_AT_ONCE: Final = 16 * 1024


class Why(Enum):
    """Why a body can't be changed."""

    NOT_JSON = "it is not JSON"
    TYPE = "its Content-Type names no JSON"
    CHARSET = "its charset is not UTF-8"
    TOO_LARGE = "it is too large"
    QUERY = "an expression of JMESPath does not fit it"
    CODING = "its coding can't be read"
    PART = "it is a part of a body"


class NotChanged(Exception):
    """The body can't be changed; `seen` says more, for the log."""

    def __init__(self, why: Why, seen: str = "") -> None:
        self.why = why
        self.seen = seen
        super().__init__(why.value)


def not_changed(error: NotJson) -> NotChanged:
    """Why a text, or a line or event, is not changed."""
    if isinstance(error, TooLarge):
        return NotChanged(Why.TOO_LARGE, str(error))
    return NotChanged(Why.QUERY if isinstance(error, NotQueried) else Why.NOT_JSON, str(error))


async def changed_whole(
    body: bytes, kind: Kind, coding: bytes, rules: BodyRules, values: Values, passed: list[NotJson]
) -> bytes | None:
    """The body as the rules make it, None if they change nothing in it. Raises NotChanged.

    What a first line that stays as it is has is put into `passed`.
    """
    before = await in_turns(_decoded(body, coding)) if coding else body
    try:
        if kind is Kind.LINES:
            steps = _changed_lines(before, rules, values, passed)
        else:
            steps = edited(before, rules.steps, values, checks=rules.refuses)
        after = await worked(steps, rules, len(before))
    except NotJson as error:
        raise not_changed(error) from None
    if after == before:
        return None
    if coding and rules.encoded is Encoded.REDO:
        return await in_turns(_encoded(after, coding))
    return after


async def in_turns(steps: Generator[None, None, bytes]) -> bytes:
    """What comes of the steps; between them, the loop does what else there is to do."""
    began_s = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bytes(end.value)
        if time.perf_counter() - began_s > _TURN_S:
            await asyncio.sleep(0)
            began_s = time.perf_counter()


async def worked(steps: Generator[None, None, bytes], rules: BodyRules, size: int) -> bytes:
    """What comes of the steps: JMESPath has no steps, so it reads large texts in a thread.

    Large texts wait for one another, since they take memory and time.
    """
    in_thread = rules.is_queried and size > _QUERIED_AT_ONCE
    async with _room_for_large() if in_thread or size > _LARGE else nullcontext():
        if in_thread:
            return await asyncio.to_thread(done, steps)
        return await in_turns(steps)


_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _room_for_large() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    room = _rooms.get(loop)
    if room is None:
        room = _rooms[loop] = asyncio.Semaphore(_LARGE_AT_A_TIME)
    return room


def pieces_of(
    kind: Kind, rules: BodyRules, values: Values, passed: list[NotJson]
) -> "Lines | Events":
    """What changes a body that has many JSON texts; why the first one stays as it is, is put into `passed`."""
    make = Events if kind is Kind.EVENTS else Lines

    def change(text: bytes) -> Generator[None, None, bytes]:
        try:
            return (yield from edited(text, rules.steps, values, checks=rules.refuses))
        except NotJson as error:
            refuse(error)
            return text

    def refuse(error: NotJson) -> None:
        if rules.refuses:
            raise error
        if not passed:
            passed.append(error)

    return make(change, refuse)


def _changed_lines(
    body: bytes, rules: BodyRules, values: Values, passed: list[NotJson]
) -> Generator[None, None, bytes]:
    if body.count(b"\n") > MOST_LINES:
        raise TooLarge(f"it has more than {MOST_LINES} lines")
    lines = pieces_of(Kind.LINES, rules, values, passed)
    made = bytearray()
    for piece in _slices(body, _LINES_AT_ONCE):
        made += yield from lines.feed(piece)
        if len(made) > MOST_BYTES + MOST_ADDED:
            raise TooLarge("what the rules put into it is too large")
    made += yield from lines.finish()
    return bytes(made)


def _decoded(body: bytes, coding: bytes) -> Generator[None, None, bytes]:
    decoder = Decoder(coding)
    made: list[bytes] = []
    size = 0
    try:
        for piece in _slices(body):
            for part in decoder.slices(piece):
                size += len(part)
                if size > MOST_BYTES:
                    raise NotChanged(Why.TOO_LARGE)
                made.append(part)
                yield
        decoder.end()
    except NotDecoded as error:
        raise NotChanged(Why.CODING, str(error)) from None
    return b"".join(made)


def _encoded(body: bytes, coding: bytes) -> Generator[None, None, bytes]:
    stream = encoder(coding)
    made = []
    for piece in _slices(body):
        made.append(stream.feed(piece))
        yield
    made.append(stream.finish())
    return b"".join(made)


def _slices(body: bytes, size: int = SLICE_BYTES) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))
