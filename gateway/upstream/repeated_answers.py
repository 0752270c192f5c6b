"""Heads of answers met before: what instances say again and again is parsed once.

An answer that comes in one piece, framed by its Content-Length, is remembered by the bytes of its
head. Nothing is looked up that the parser has not found valid, and whatever is not exactly the same
goes to the parser. An instance that passes the correlation ID on repeats it in its answer; there it
is cut out, for it would make each head another.
"""

from typing import NamedTuple

from gateway.upstream.messages import End, ResponseHead
from middlewares.memory import Memory

#: Longer heads are not remembered.
HEAD_BYTES = 2048

_HEAD_END = b"\r\n\r\n"
_ID_FIELD = b"\r\nx-correlation-id: "


class RepeatedHead(NamedTuple):
    """A head that may come again, and the end that such an answer comes to."""

    head: ResponseHead
    end: End


AnswerMemory = Memory[bytes, RepeatedHead]


def answer_memory() -> AnswerMemory:
    return Memory("answers", entries=1024, entry_bytes=HEAD_BYTES)


def key_of(data: bytes, correlation_id: bytes) -> tuple[bytes, int] | None:
    """What a head is remembered by, and where the body begins; None: it is not all here, or long."""
    end = data.find(_HEAD_END, 0, HEAD_BYTES)
    if end < 0:
        return None
    body_at = end + len(_HEAD_END)
    at = data.find(correlation_id, 0, end) if correlation_id else -1
    if at >= 0 and data[at - len(_ID_FIELD) : at].lower() == _ID_FIELD:
        behind = at + len(correlation_id)
        if data[behind : behind + 2] == b"\r\n":
            return data[:at] + data[behind:end], body_at
    return data[:end], body_at
