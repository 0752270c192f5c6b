"""Whole bodies, changed in turns with all else that the loop has to do."""

import asyncio
import time
from collections.abc import Generator, Iterator
from enum import Enum
from typing import Final

from middlewares.codings import SLICE_BYTES, Decoder, NotDecoded, encoder
from middlewares.transform.bodies.deciding.editing import done, edited
from middlewares.transform.bodies.deciding.grammar import NotJson
from middlewares.transform.bodies.deciding.messages import Kind
from middlewares.transform.bodies.deciding.pieces import (
    Events,
    Lines,
    pass_too_large,
    refuse_too_large,
)
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.deciding.variables import Values

#: A larger body is not changed, neither as it comes nor decoded.
MOST_BYTES: Final = 1024 * 1024
#: The loop waits no longer than about this for what is done here.
_TURN_S: Final = 0.002
#: JMESPath reads so much in a few milliseconds.
_QUERIED_AT_ONCE: Final = 16 * 1024


class Why(Enum):
    """Why a body can't be changed."""

    NOT_JSON = "it is not JSON"
    TYPE = "its Content-Type names no JSON"
    TOO_LARGE = "it is larger than 1 MiB"
    CODING = "its coding can't be read"
    PART = "it is a part of a body"


class NotChanged(Exception):
    """The body can't be changed; `seen` says more, for the log."""

    def __init__(self, why: Why, seen: str = "") -> None:
        self.why = why
        self.seen = seen
        super().__init__(why.value)


async def changed_whole(
    body: bytes, kind: Kind, coding: bytes, rules: BodyRules, values: Values
) -> bytes | None:
    """The body as the rules make it, None if they change nothing in it. Raises NotChanged."""
    before = await in_turns(_decoded(body, coding)) if coding else body
    try:
        if kind is Kind.LINES:
            steps = _changed_lines(before, rules, values)
        else:
            steps = edited(before, rules.steps, values, checks=rules.refuses)
        after = await worked(steps, rules, len(before))
    except NotJson as error:
        raise NotChanged(Why.NOT_JSON, str(error)) from None
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
    """What comes of the steps: JMESPath has no steps, so it reads large texts in a thread."""
    if rules.is_queried and size > _QUERIED_AT_ONCE:
        return await asyncio.to_thread(done, steps)
    return await in_turns(steps)


def pieces_of(kind: Kind, rules: BodyRules, values: Values) -> "Lines | Events":
    """What changes a body that has many JSON texts."""
    make = Events if kind is Kind.EVENTS else Lines

    def change(text: bytes) -> Generator[None, None, bytes]:
        try:
            return (yield from edited(text, rules.steps, values, checks=rules.refuses))
        except NotJson:
            if rules.refuses:
                raise
            return text

    return make(change, refuse_too_large if rules.refuses else pass_too_large)


def _changed_lines(body: bytes, rules: BodyRules, values: Values) -> Generator[None, None, bytes]:
    lines = pieces_of(Kind.LINES, rules, values)
    made = bytearray()
    for piece in _slices(body):
        made += yield from lines.feed(piece)
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


def _slices(body: bytes) -> Iterator[bytes]:
    return (body[at : at + SLICE_BYTES] for at in range(0, len(body), SLICE_BYTES))
