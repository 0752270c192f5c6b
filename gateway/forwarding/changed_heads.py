"""Heads of instances' answers with other fields, or for another body."""

import re
from collections.abc import Sequence
from typing import Final

from gateway.forwarding.edited_lines import edited_lines
from gateway.forwarding.fields import CONNECTION, CORS, DATE, DROP, LENGTH, PASS, in_answer
from gateway.upstream.messages import SWITCHING_PROTOCOLS, FieldLine, ResponseHead, lines
from middlewares.head_changes import FieldEdits, edited, has_marks, without_named

_LENGTH: Final = b"content-length"
_NO_CONTENT: Final = 204
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def changed_head(
    head: ResponseHead, fields: Sequence[FieldLine], length: int | None, *, has_other_body: bool
) -> ResponseHead:
    """The head with these fields. Raises ValueError if one of them is no field.

    `length` is that of the body. Content-Length says it, whatever the fields say; the head of an answer
    whose body is as it was keeps the Content-Length that it had, which that to a HEAD may have without a body.
    """
    before = head.fields
    kept = [field for field in fields if field[0].lower() != _LENGTH]
    for field in set(kept).difference(before):
        check_field(field)
    if has_other_body:
        if length is not None:
            kept.append((b"Content-Length", b"%d" % length))
    else:
        lengths = [field for field in before if field[0].lower() == _LENGTH]
        if [field for field in fields if field[0].lower() == _LENGTH] == lengths:
            kept = list(fields)  # each line stands where it stood
        else:
            kept += lengths
    return ResponseHead(head.status, head.phrase, kept, length, False, _ready(head, kept))


def edited_head(head: ResponseHead, edits: FieldEdits) -> ResponseHead:
    """The head as rules say. Raises ValueError if one of their fields is none."""
    ready, section = head.ready_lines, head.section
    marks = edits.marks
    if ready and marks is not None and isinstance(section, bytes):
        new = (*edits.placed.values(), *edits.added)
        for field in new:
            check_field(field)
        if marks and has_marks(ready, marks):
            ready = edited_lines(ready[:-2], edits, marks) + b"\r\n"
            section = edited_lines(section[:-2], edits, marks) + b"\r\n"
        elif new:
            more = lines(new)
            ready += more
            section += more
        return ResponseHead(head.status, head.phrase, section, head.length, head.chunked, ready)
    fields = head.fields
    after = edited(without_named(fields), edits)
    if after == [*fields]:
        return head
    return changed_head(head, after, head.length, has_other_body=False)


def check_field(field: FieldLine) -> None:
    """Raise ValueError if a line can't be sent."""
    name, value = field
    if not _NAME.fullmatch(name) or _CONTROLS.search(value):
        raise ValueError(f"no field can be {name!r}: {value!r}")


def _ready(head: ResponseHead, fields: Sequence[FieldLine]) -> bytes:
    """The status and the lines that go to any client; b"" if they must be chosen field by field."""
    status = head.status
    if status == SWITCHING_PROTOCOLS:
        return b""
    kept: list[FieldLine] = []
    dated = False
    for field in fields:
        gets = in_answer(field[0])
        if gets is PASS or gets is CORS:
            kept.append(field)
        elif gets is DATE:
            dated = True
            kept.append(field)
        elif gets is LENGTH:
            if status != _NO_CONTENT:
                kept.append(field)
        elif gets is CONNECTION:
            if field[1].strip(b" \t").lower() not in (b"close", b"keep-alive"):
                return b""
        elif gets is not DROP:
            return b""
    return b"%d %b\r\n%b" % (status, head.phrase, lines(kept)) if dated else b""
