"""Heads of kept answers, and what the cache sees of an instance's head."""

from collections.abc import Sequence

from gateway.forwarding.fields import ANEW, CORS, DATE, DROP, PASS, in_answer
from gateway.upstream.messages import FieldLine, ResponseHead, lines

NO_CONTENT = 204


def judged_fields(head: ResponseHead, *, without_cors: bool) -> list[FieldLine]:
    """An instance's fields by which the cache judges its answer.

    Connection and what it names are among them, so that it can't hide Cache-Control or Vary. `without_cors` leaves
    out Access-Control-*, which are the gateway's own then.
    """
    kept: list[FieldLine] = []
    for name, value in head.fields:
        gets = in_answer(name)
        if gets in (DROP, ANEW) or (gets is CORS and without_cors):
            continue
        kept.append((name, value))
    return kept


def ready_lines(
    status: int, phrase: bytes, fields: Sequence[FieldLine], length: int | None
) -> bytes:
    """The status and lines that go to any client as they are; b"" if they must be chosen field by field."""
    dated = False
    for name, _ in fields:
        gets = in_answer(name)
        dated = dated or gets is DATE
        if gets not in (PASS, DATE, CORS):
            return b""
    if not dated:
        return b""
    return b"%d %b\r\n%b" % (status, phrase, lines(_with_length(status, fields, length)))


def stored_head(
    status: int, phrase: bytes, fields: Sequence[FieldLine], length: int | None, ready: bytes
) -> ResponseHead:
    """The head of a kept answer; `ready` are its ready lines."""
    if ready:  # its lines are taken apart if somebody asks for the fields
        return ResponseHead(status, phrase, ready.partition(b"\r\n")[2], length, False, ready)
    return ResponseHead(status, phrase, _with_length(status, fields, length), length)


def _with_length(
    status: int, fields: Sequence[FieldLine], length: int | None
) -> Sequence[FieldLine]:
    """The fields with Content-Length, which a 204 has none of (RFC 9110 §8.6)."""
    if length is None or status == NO_CONTENT:
        return fields
    return [*fields, (b"Content-Length", b"%d" % length)]
