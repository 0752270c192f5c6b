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
from middlewares.limits.deciding import LIMIT_FIELDS

_TRAILER = b"trailer"
#: Every answer has our ID; `Trailer` goes to those alone who get trailers.
_SAID_HERE = frozenset([b"x-correlation-id", _TRAILER])
#: RFC 9110 §6.5.1: what frames, routes, or is needed before the body is no trailer.
_NEVER_TRAILERS = (
    HOP_BY_HOP
    | _SAID_HERE
    | LIMIT_FIELDS
    | frozenset(
        b"age authorization cache-control content-encoding content-length content-range content-type"
        b" date expires host location pragma proxy-authenticate retry-after set-cookie vary warning"
        b" www-authenticate".split()
    )
)

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
    trailers: bool = False,
) -> bytes:
    """An instance's head as it goes to the client, `added` behind its own fields.

    `replaced` are names (lower-case) of which the instance's lines are dropped, since ours stand for
    them: LIMIT_FIELDS, or with `careful` any. `without_cors` drops all Access-Control-* fields.
    `trailers`: those of the body follow it.
    """
    kept = head.passed_on
    if kept is None:
        kept = head.passed_on = _answer_passed_on(head)
    if careful or without_cors or trailers or not kept:
        kept = _careful_answer(head, replaced, without_cors=without_cors, trailers=trailers)
    return b"HTTP/1.%d %b%b\r\n" % (version[1], kept, lines(added))


def _answer_passed_on(head: ResponseHead) -> bytes:
    """All behind the version that goes to the client as it is; b"" where it takes thought."""
    remembered = _response_lines
    parts = [b"%d %b\r\n" % (head.status, head.phrase)]
    dated = False
    for field in _without_length(head):
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


def interim_head(head: ResponseHead, correlation_id: str, *, without_cors: bool = False) -> bytes:
    """A 1xx head as it goes to the client, before the final one (RFC 9110 §15.2)."""
    kept = _answer_fields(head, frozenset(), without_cors=without_cors)
    kept.append((b"X-Correlation-ID", correlation_id.encode("ascii")))
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.phrase, lines(kept))


def trailer_lines(
    trailers: Sequence[FieldLine], head: ResponseHead, *, without_cors: bool = False
) -> bytes:
    """The trailers of an answer that go to the client, as lines."""
    if not trailers:
        return b""
    named = connection_options(head.fields)
    return lines(
        (name, value)
        for name, value in trailers
        if (lower := name.lower()) not in _NEVER_TRAILERS
        and lower not in named
        and not (without_cors and lower.startswith(b"access-control-"))
    )


def _careful_answer(
    head: ResponseHead, replaced: frozenset[bytes], *, without_cors: bool, trailers: bool
) -> bytes:
    """The same, field by field."""
    kept = _answer_fields(head, replaced, without_cors=without_cors)
    if trailers:
        kept += [(b"Trailer", value) for value in values_of(head.fields, _TRAILER)]
    if head.status == 101:
        kept += [(b"Upgrade", value) for value in values_of(head.fields, b"upgrade")]
    if not any(name.lower() == b"date" for name, _ in kept):
        kept.append((b"Date", formatdate(usegmt=True).encode("ascii")))
    return b"%d %b\r\n%b" % (head.status, head.phrase, lines(kept))


def _answer_fields(
    head: ResponseHead, replaced: frozenset[bytes], *, without_cors: bool
) -> list[FieldLine]:
    return [
        field
        for field in response_fields(_without_length(head))
        if (lower := field[0].lower()) not in replaced
        and not (without_cors and lower.startswith(b"access-control-"))
    ]


def _without_length(head: ResponseHead) -> Sequence[FieldLine]:
    """The fields, without a length where there is no body to have one (RFC 9110 §8.6)."""
    if head.status >= 200 and head.status != 204:
        return head.fields
    return [field for field in head.fields if field[0].lower() != b"content-length"]


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
