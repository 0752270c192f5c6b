"""A response's head on its way to the client."""

from collections.abc import Sequence
from email.utils import formatdate
from typing import Final

from gateway.forwarding.field_lines import (
    HOP_BY_HOP,
    NEEDS_THOUGHT,
    PLAIN_OPTIONS,
    connection_options,
    learn,
    values_of,
)
from gateway.upstream.messages import FieldLine, ResponseHead, lines
from middlewares.limiting import LIMIT_FIELDS

#: Every answer has our ID; trailers are dropped, and so is their announcement.
_SAID_HERE = frozenset([b"x-correlation-id", b"trailer"])

#: Stands for a line that can't be remembered as bytes.
_A_DATE: Final = 2
_response_lines: dict[FieldLine, bytes | int] = {}


def response_head(
    head: ResponseHead,
    version: tuple[int, int],
    added: Sequence[FieldLine],
    *,
    replaced: frozenset[bytes] = frozenset(),
    careful: bool = False,
    without_cors: bool = False,
) -> bytes:
    """An instance's head as it goes to the client, `added` behind its own fields.

    `replaced` are names (lower-case) of which the instance's lines are dropped, since ours stand for
    them: LIMIT_FIELDS, or with `careful` any. `without_cors` drops all Access-Control-* fields.
    """
    kept = head.passed_on
    if kept is None:
        kept = head.passed_on = _answer_passed_on(head)
    if careful or without_cors or not kept:
        kept = _careful_answer(head, replaced, without_cors=without_cors)
    return b"HTTP/1.%d %b%b\r\n" % (version[1], kept, lines(added))


def _answer_passed_on(head: ResponseHead) -> bytes:
    """All behind the version that goes to the client as it is; b"" where it takes thought."""
    remembered = _response_lines
    parts = [b"%d %b\r\n" % (head.status, head.phrase)]
    dated = False
    for field in head.fields:
        line = remembered.get(field)
        if line is None:
            line = learn(remembered, field, _response_kind)
        if isinstance(line, bytes):
            parts.append(line)
        elif line == _A_DATE:
            dated = True
            parts.append(b"%b: %b\r\n" % field)
        else:
            return b""
    return b"".join(parts) if dated and head.status != 101 else b""


def _careful_answer(head: ResponseHead, replaced: frozenset[bytes], *, without_cors: bool) -> bytes:
    """The same, field by field."""
    kept = [
        field
        for field in response_fields(head.fields)
        if (lower := field[0].lower()) not in replaced
        and not (without_cors and lower.startswith(b"access-control-"))
    ]
    if head.status == 101:
        kept += [(b"Upgrade", value) for value in values_of(head.fields, b"upgrade")]
    if not any(name.lower() == b"date" for name, _ in kept):
        kept.append((b"Date", formatdate(usegmt=True).encode("ascii")))
    return b"%d %b\r\n%b" % (head.status, head.phrase, lines(kept))


def response_fields(fields: Sequence[FieldLine]) -> list[FieldLine]:
    """A response's fields without those that speak of the connection to the instance alone."""
    named = connection_options(fields)
    return [
        (name, value)
        for name, value in fields
        if (lower := name.lower()) not in HOP_BY_HOP
        and lower not in _SAID_HERE
        and lower not in named
    ]


def _response_kind(name: bytes, value: bytes) -> bytes | int:
    lower = name.lower()
    if lower == b"date":
        return _A_DATE
    if lower in LIMIT_FIELDS:
        return NEEDS_THOUGHT
    if lower == b"connection":
        options = {option.strip().lower() for option in value.split(b",")}
        return b"" if options <= PLAIN_OPTIONS | {b"upgrade"} else NEEDS_THOUGHT
    return b"" if lower in HOP_BY_HOP or lower in _SAID_HERE else b"%b: %b\r\n" % (name, value)
