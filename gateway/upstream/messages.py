"""Heads of requests and responses, with fields in their order and case, and the ends of responses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

FieldLine = tuple[bytes, bytes]


@dataclass(slots=True)
class RequestHead:
    """A head to send to an instance, as bytes up to and including the empty line.

    `correlation_id` is in the head too; an answer may repeat it. `chunked`: the body goes out in
    chunks; otherwise it has exactly `length` bytes, and the connection is not free before they are
    sent. `upgrades`: the request asks to switch protocols, so 101 is a possible answer. `claims` counts
    the client's lines that were left out because only the gateway may send them.
    """

    method: str
    data: bytes
    correlation_id: bytes = b""
    length: int = 0
    chunked: bool = False
    upgrades: bool = False
    trailers: bool = False
    claims: int = 0


@dataclass(slots=True)
class ResponseHead:
    """The head of an instance's answer; `length` None: the body is chunked or runs until the close.

    It is not changed once it is complete, because equal answers may share it. `ready_lines` keeps the
    lines that go to the client with each of these answers.
    """

    status: int
    phrase: bytes
    fields: Sequence[FieldLine]
    length: int | None = None
    chunked: bool = False
    ready_lines: bytes | None = None


class End(NamedTuple):
    """The response is whole.

    `reusable`: the instance takes another request on the connection. `idle_limit_s`: how long the
    connection may be idle before that, as the instance has just said; None: it said nothing.
    """

    reusable: bool
    idle_limit_s: float | None = None


class Invalid(NamedTuple):
    """The response can't be passed on: `detail` is for clients, `evidence` for operators."""

    detail: str
    evidence: str


def lines(fields: Iterable[FieldLine]) -> bytes:
    """Field lines as bytes, without the empty line at the end."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
