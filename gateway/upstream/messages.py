"""Heads of requests and responses: byte lines in their order and case; and how a response ends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

FieldLine = tuple[bytes, bytes]


@dataclass(slots=True)
class RequestHead:
    """What is sent to an instance, as bytes up to and with the empty line.

    `correlation_id` is the one in it: an answer may well repeat it.
    `chunked`: the body goes out in chunks, else as it comes, and has just the `length` that the head
    says: the connection is no request's before all of it is out. `upgrades`: the connection may switch
    protocols, so 101 is an answer to it. `claims`: lines of the client's that were left out since they
    said what only the gateway may say.
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
    """What an instance answered; `length` None: the body is chunked or runs until the close.

    It is not changed once it is complete: answers with the same head may share it. `passed_on` is for
    whoever passes it on: what is the same for each of these answers.
    """

    status: int
    phrase: bytes
    fields: Sequence[FieldLine]
    length: int | None = None
    chunked: bool = False
    passed_on: bytes | None = None


class End(NamedTuple):
    """The response is whole.

    `reusable`: the instance takes another request on the connection. `idle_limit_s`: how long the
    connection may be idle before, as the instance has just said; None: it said nothing of it.
    """

    reusable: bool
    idle_limit_s: float | None = None


class Invalid(NamedTuple):
    """The response can't be passed on: `detail` is for clients, `evidence` for those who operate."""

    detail: str
    evidence: str


def lines(fields: Iterable[FieldLine]) -> bytes:
    """Field lines as bytes, the empty line at the end not included."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
