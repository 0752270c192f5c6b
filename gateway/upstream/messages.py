"""Heads of requests and responses as they go over the wire: byte lines in their order and case."""

from collections.abc import Iterable
from dataclasses import dataclass

FieldLine = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What is sent to an instance; `chunked`: the body goes out in chunks, else as it comes.

    `upgrades`: the connection may switch protocols, so 101 is an answer to it.
    """

    method: str
    target: bytes
    fields: tuple[FieldLine, ...]
    chunked: bool = False
    upgrades: bool = False

    def serialise(self) -> bytes:
        return b"".join(
            (
                self.method.encode("ascii"),
                b" ",
                self.target,
                b" HTTP/1.1\r\n",
                lines(self.fields),
                b"\r\n",
            )
        )


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """What an instance answered; `length` None: the body is chunked or runs until the close."""

    status: int
    phrase: bytes
    fields: tuple[FieldLine, ...]
    length: int | None = None
    chunked: bool = False


def lines(fields: Iterable[FieldLine]) -> bytes:
    """Field lines as bytes, the empty line at the end not included."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
