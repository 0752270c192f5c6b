"""Heads of answers met before: what instances say again and again is parsed once.

An answer that comes in one piece, framed by its Content-Length, is remembered by the bytes of its
head. Nothing is looked up that the parser has not found valid, and whatever is not exactly the same
goes to the parser. An instance that passes the correlation ID on repeats it in its answer; there it
is cut out, for it would make each head another.
"""

from typing import Final, NamedTuple

from gateway.upstream.messages import ResponseHead

#: Heads remembered; at the cap all are forgotten.
REMEMBERED: Final = 1024
#: Longer ones are not.
REMEMBERED_BYTES: Final = 2048

_HEAD_END: Final = b"\r\n\r\n"
_ID_FIELD: Final = b"\r\nx-correlation-id: "


class RepeatedHead(NamedTuple):
    """A head that may come again, and how long its Keep-Alive fields let the connection be idle."""

    head: ResponseHead
    idle_limit_s: float | None


_heads: dict[bytes, RepeatedHead] = {}


def key_of(data: bytes, correlation_id: bytes) -> tuple[bytes, int] | None:
    """What a head is remembered by, and where the body begins; None: it is not all here, or long."""
    end = data.find(_HEAD_END, 0, REMEMBERED_BYTES)
    if end < 0:
        return None
    body_at = end + len(_HEAD_END)
    at = data.find(correlation_id, 0, end) if correlation_id else -1
    if at >= 0 and data[at - len(_ID_FIELD) : at].lower() == _ID_FIELD:
        behind = at + len(correlation_id)
        if data[behind : behind + 2] == b"\r\n":
            return data[:at] + data[behind:end], body_at
    return data[:end], body_at


def recall(key: bytes) -> RepeatedHead | None:
    """The head that has been met under this key."""
    return _heads.get(key)


def remember(key: bytes, repeated: RepeatedHead) -> None:
    """Keep what the parser found."""
    if len(_heads) >= REMEMBERED:
        _heads.clear()
    _heads[key] = repeated
