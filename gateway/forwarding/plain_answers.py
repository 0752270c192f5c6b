"""Reads the head of an ordinary answer in one pass: how its body is framed, and its lines for the client.

It takes only heads that every reader reads in the same way; all others go to the parser, which knows
the whole grammar and says what is wrong. docs/decisions/0010-plain-heads.md.
"""

import re
from enum import Enum, auto
from typing import Final

from gateway.forwarding.fields import CONNECTION, CORS, DATE, DROP, LENGTH, LIMIT, PASS, in_answer
from gateway.forwarding.memories import FieldRules
from gateway.upstream.messages import (
    REUSABLE,
    WITHOUT_BODY,
    End,
    PlainHead,
    ResponseHead,
    idle_limit_s,
)

#: No possessive group: before Python 3.11.5 it may end inside a line (python/cpython#106052).
_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2} [\t\x20-\x7e\x80-\xff]*+)\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n)+)\r\n"
)
#: Numbers with more digits go to the parser.
_MOST_DIGITS: Final = 18
_NO_CONTENT: Final = 204


class Means(Enum):
    """What a field means for an answer's head, if it does not just go to the client as it came."""

    #: It goes to no client.
    DROP = auto()
    #: It goes to the client, but not with 204, and says how long the body is.
    LENGTH = auto()
    #: It goes to the client, which must get one.
    DATED = auto()
    #: It may go to the client; that is decided field by field.
    MAYBE = auto()
    #: These do not go to the client. They say how the body or the connection goes on.
    CHUNKS = auto()
    CLOSE = auto()
    IDLE_LIMIT = auto()
    #: The parser reads the answer.
    PARSE = auto()


_DROP, _LENGTH, _DATED, _MAYBE, _CHUNKS, _CLOSE, _IDLE_LIMIT, _PARSE = Means

_OF_KIND = {
    PASS: None,
    CORS: None,
    DROP: _DROP,
    LENGTH: _LENGTH,
    DATE: _DATED,
    LIMIT: _MAYBE,
    CONNECTION: _CLOSE,
}
#: The client gets none of these, and they say how the connection is used.
_OF_NAME = {
    b"transfer-encoding": _CHUNKS,
    b"keep-alive": _IDLE_LIMIT,
    b"proxy-connection": _PARSE,
}


def _means(name: bytes) -> Means | None:
    return _OF_NAME.get(name.lower()) or _OF_KIND.get(in_answer(name), _PARSE)


class PlainAnswers:
    """One worker's reader of plain heads."""

    def __init__(self) -> None:
        self.fields = FieldRules("answer_fields", _means)

    def read(self, data: bytes | memoryview) -> PlainHead | None:
        """Read the head at the beginning of `data`; None if the parser has to."""
        match = _HEAD.match(data)
        if match is None:
            return None
        status_line, section = match.groups()
        status = int(status_line[:3])
        lines = section.splitlines()
        means = self.fields
        means.hits += len(lines)
        length: int | None = None
        idle_s: float | None = None
        closes = chunked = dated = careful = False
        for line in tuple(lines):
            name, _, value = line.partition(b":")
            what = means[name]
            if what is None:
                continue
            if what is _DATED:
                dated = True
                continue
            if what is _LENGTH:
                value = value.strip(b" \t")
                if length is not None or not value.isdigit() or len(value) > _MOST_DIGITS:
                    return None
                length = int(value)
                if status != _NO_CONTENT:
                    continue
            elif what is _CHUNKS:
                if chunked or value.strip(b" ").lower() != b"chunked":
                    return None
                chunked = True
            elif what is _IDLE_LIMIT:
                idle_s = idle_limit_s(value, idle_s)
            elif what is _CLOSE:
                value = value.strip(b" \t").lower()
                if value == b"close":
                    closes = True
                elif value != b"keep-alive":
                    return None
            elif what is _MAYBE:
                careful = True
            elif what is _PARSE:
                return None
            lines.remove(line)
        if status in WITHOUT_BODY:
            if chunked:
                return None
        elif chunked is (length is not None):
            return None  # framed in two ways or in none
        ready = b"\r\n".join([status_line, *lines, b""]) if dated and not careful else b""
        head = ResponseHead(status, status_line[4:], section, length, chunked, ready)
        end = End(not closes, idle_s) if closes or idle_s is not None else REUSABLE
        return head, match.end(), end
