"""Makes the head that goes to the client from an instance's head."""

from collections.abc import Iterator, Sequence
from email.utils import formatdate

from gateway.forwarding.field_lines import connection_options, values_of
from gateway.forwarding.fields import (
    ANEW,
    CONNECTION,
    CORS,
    DROP,
    LENGTH,
    in_answer,
    in_trailers,
)
from gateway.upstream.messages import FieldLine, ResponseHead, lines


def response_head(
    head: ResponseHead,
    version: tuple[int, int],
    added: bytes,
    *,
    replaced: frozenset[bytes] = frozenset(),
    careful: bool = False,
    without_cors: bool = False,
    trailers: bool = False,
) -> bytes:
    """An instance's head as it goes to the client, with the lines `added` after its own fields.

    `replaced` are names (lower-case) whose lines are dropped because ours replace them: LIMIT_FIELDS,
    or any name with `careful`. `without_cors` drops all Access-Control-* fields. `trailers`: trailers
    follow the body.
    """
    kept = head.ready_lines
    if careful or without_cors or trailers or not kept:
        kept = _careful(head, replaced, without_cors=without_cors, trailers=trailers)
    return b"HTTP/1.%d %b%b\r\n" % (version[1], kept, added)


def interim_head(head: ResponseHead, correlation_id: str, *, without_cors: bool = False) -> bytes:
    """A 1xx head as it goes to the client before the final one (RFC 9110 §15.2)."""
    kept = list(_answer_fields(head, frozenset(), without_cors=without_cors))
    kept.append((b"X-Correlation-ID", correlation_id.encode("ascii")))
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.phrase, lines(kept))


def trailer_lines(
    trailers: Sequence[FieldLine], head: ResponseHead, *, without_cors: bool = False
) -> bytes:
    """The trailers that go to the client, as lines."""
    if not trailers:
        return b""
    named = connection_options(head.fields)
    return lines(
        (name, value)
        for name, value in trailers
        if (gets := in_trailers(name)) is not DROP
        and name.lower() not in named
        and not (without_cors and gets is CORS)
    )


def _careful(
    head: ResponseHead, replaced: frozenset[bytes], *, without_cors: bool, trailers: bool
) -> bytes:
    """Make the head field by field."""
    kept = list(_answer_fields(head, replaced, without_cors=without_cors))
    if trailers:
        kept += [(b"Trailer", value) for value in values_of(head.fields, b"trailer")]
    if head.status == 101:
        kept += [(b"Upgrade", value) for value in values_of(head.fields, b"upgrade")]
    if not any(name.lower() == b"date" for name, _ in kept):
        kept.append((b"Date", formatdate(usegmt=True).encode("ascii")))
    return b"%d %b\r\n%b" % (head.status, head.phrase, lines(kept))


def _answer_fields(
    head: ResponseHead, replaced: frozenset[bytes], *, without_cors: bool
) -> Iterator[FieldLine]:
    """The instance's fields that go to the client."""
    left_out = connection_options(head.fields) | replaced
    for name, value in head.fields:
        gets = in_answer(name)
        if gets is DROP or gets is CONNECTION or gets is ANEW:
            continue
        if (gets is LENGTH and not _has_body(head)) or (gets is CORS and without_cors):
            continue
        if name.lower() not in left_out:
            yield name, value


def _has_body(head: ResponseHead) -> bool:
    """Whether the head may give the body's length (RFC 9110 §8.6)."""
    return head.status >= 200 and head.status != 204
