"""Judges the answer of a part: its value, or why there is none."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from discovery.base.steps import Steps
from middlewares.compose.deciding.json_spans import NotJson, Span, read, value_at
from middlewares.compose.deciding.texts import NoValue

FieldLine = tuple[bytes, bytes]


_NO_CONTENT: Final = 204
_NOTHING: Final = b"null"

STATUS, NOT_JSON, TOO_LARGE, NOTHING_THERE, SKIPPED = (
    "status",
    "not_json",
    "too_large",
    "nothing_there",
    "skipped",
)


class Fine(NamedTuple):
    """The value of a part: all of it, and what is used of it."""

    whole: Span
    used: Span
    fields: Sequence[FieldLine]


class Missing(NamedTuple):
    """Why a part has no value: a word, with the status of its answer if that is why.

    `detail` is for people. `of_client`: the client's own request lacks something.
    """

    reason: str
    detail: str
    status: int | None = None
    of_client: bool = False


def judged(
    status: int,
    fields: Sequence[FieldLine],
    body: bytes,
    *,
    is_whole: bool,
    take: Sequence[str],
    is_event_stream: bool = False,
) -> Steps[Fine | Missing]:
    """What an answer is to its part; `is_whole` is false if the body was too large to be read, or an event stream.

    Media types are not looked at, since services often name a wrong one: what counts is whether the body is JSON.
    """
    if not 200 <= status <= 299:
        return Missing(STATUS, f"its service answered {status}", status)
    if is_event_stream:
        return Missing(NOT_JSON, "its answer is an event stream, which has no end")
    if not is_whole:
        return Missing(TOO_LARGE, "its answer is larger than 1 MiB")
    if any(name.lower() == b"content-encoding" for name, _ in fields):
        return Missing(NOT_JSON, "its answer is encoded, which was not asked for")
    try:
        whole = read(_NOTHING if status == _NO_CONTENT else body)
    except NotJson as error:
        return Missing(NOT_JSON, f"its answer is not JSON: {error}")
    used = yield from value_at(whole, take)
    if used is None:
        return Missing(NOTHING_THERE, "its answer has nothing at the pointer of take")
    return Fine(whole, used, fields)


def skipped(lacks: NoValue) -> Missing:
    """What becomes of a part for whose request a value is missing."""
    where = "the request" if lacks.of_client else "what came before"
    detail = lacks.detail or f"{where} has no {{{lacks.name}}}"
    return Missing(SKIPPED, detail, of_client=lacks.of_client)


def needs_missing(part: str) -> Missing:
    """What becomes of a part that needs another one, which is missing."""
    return Missing(SKIPPED, f"it needs the part {part}, which is missing")
