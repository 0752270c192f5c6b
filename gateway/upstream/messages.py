"""Heads of requests and responses, with fields in their order and case, and the ends of responses."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

FieldLine = tuple[bytes, bytes]

SWITCHING_PROTOCOLS: Final = 101
#: These statuses have no body, whatever their fields say.
WITHOUT_BODY: Final = frozenset([204, 304])
#: What an instance's own `Keep-Alive: timeout=` is shortened by, since its clock began earlier.
IDLE_MARGIN_S: Final = 1.0
_EVENT_STREAM = b"text/event-stream"
_TIMEOUT = re.compile(rb"(?:^|,)[ \t]*(?i:timeout)=[ \t]*([0-9]{1,9})[ \t]*(?=,|\Z)")


@dataclass(slots=True)
class RequestHead:
    """A head to send to an instance, as bytes up to and including the empty line.

    `chunked`: the body goes out in chunks; otherwise it has exactly `length` bytes, and the connection
    is not free before they are sent. `upgrades`: the request asks to switch protocols, so 101 is a
    possible answer. `claims` counts the client's lines that were left out because only the gateway may
    send them.
    """

    method: str
    data: bytes
    length: int = 0
    chunked: bool = False
    upgrades: bool = False
    trailers: bool = False
    claims: int = 0


@dataclass(slots=True)
class ResponseHead:
    """The head of an instance's answer; `length` None: the body is chunked or runs until the close.

    It is not changed once it is complete. `section` is its fields, or their lines as bytes, each with its
    CRLF, which are taken apart when somebody asks for `fields`. `ready_lines`: the status without the
    version, and the lines that go to any client; b"" if they must be chosen field by field.
    """

    status: int
    phrase: bytes
    section: Sequence[FieldLine] | bytes
    length: int | None = None
    chunked: bool = False
    ready_lines: bytes = b""

    @property
    def fields(self) -> Sequence[FieldLine]:
        if isinstance(self.section, bytes):
            apart = (line.partition(b":") for line in self.section.split(b"\r\n")[:-1])
            self.section = [(name, value.strip(b" \t")) for name, _, value in apart]
        return self.section

    @property
    def is_event_stream(self) -> bool:
        """Whether the body is an event stream, which goes on until somebody ends it."""
        section = self.section
        if self.length is not None:
            return False
        if isinstance(section, bytes) and _EVENT_STREAM not in section.lower():
            return False  # most answers: their fields stay together
        return any(
            name.lower() == b"content-type" and value.lower().startswith(_EVENT_STREAM)
            for name, value in self.fields
        )


class End(NamedTuple):
    """The response is whole.

    `reusable`: the instance takes another request on the connection. `idle_limit_s`: how long the
    connection may be idle before that, as the instance has just said; None: it said nothing.
    """

    reusable: bool
    idle_limit_s: float | None = None

    def closing(self) -> "End":
        """The same end of a connection that can't be used again."""
        return End(False, self.idle_limit_s)


REUSABLE: Final = End(True)


class Invalid(NamedTuple):
    """The response can't be passed on: `detail` is for clients, `evidence` for operators."""

    detail: str
    evidence: str


#: A head (interim if its status is below 200 and not 101), a piece of the body, or the end.
Said = ResponseHead | bytes | End | Invalid

#: A head that needs no parser, where its body begins, and the End that follows the body.
PlainHead = tuple[ResponseHead, int, End]
#: Reads a plain head at the beginning of these bytes; None: the parser has to read them.
ReadPlain = Callable[[bytes | memoryview], PlainHead | None]


def idle_limit_s(keep_alive: bytes, before: float | None) -> float | None:
    """How long a connection may be idle by a Keep-Alive field; `before` if the field does not say."""
    timeouts = _TIMEOUT.findall(keep_alive)
    if not timeouts:
        return before
    limit_s = int(timeouts[-1]) - IDLE_MARGIN_S
    return limit_s if limit_s > 0 else 0.0


def lines(fields: Iterable[FieldLine]) -> bytes:
    """Field lines as bytes, without the empty line at the end."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
