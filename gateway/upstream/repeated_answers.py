"""Remembers heads of answers, so that a head which instances repeat is parsed once.

An answer that comes in one piece with a Content-Length is remembered by the bytes of its head. Only
heads that the parser has found valid are remembered, and a head that differs by one byte is parsed.
An instance may repeat the request's correlation ID in its answer; the ID is cut out of the key,
because with it no two heads would be equal.
"""

from typing import NamedTuple

from gateway.upstream.messages import End, ResponseHead
from middlewares.memory import Memory

#: Longer heads are not remembered.
HEAD_BYTES = 2048

_HEAD_END = b"\r\n\r\n"
_ID_FIELD = b"\r\nx-correlation-id: "


class RepeatedHead(NamedTuple):
    """A remembered head, and the End of an answer with it."""

    head: ResponseHead
    end: End


AnswerMemory = Memory[bytes, RepeatedHead]


def answer_memory() -> AnswerMemory:
    return Memory("answers", entries=1024, entry_bytes=HEAD_BYTES)


def key_of(data: bytes, correlation_id: bytes) -> tuple[bytes, int] | None:
    """The key of a head, and where the body begins; None: the head is incomplete or too long."""
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
