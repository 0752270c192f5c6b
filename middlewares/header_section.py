"""What is found out of a request's header section, once for all requests with the same lines."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from middlewares.hygiene.deciding import FieldLine, Length, Version, check_request
from middlewares.memory import Memory
from middlewares.trace_context import trace_id_of

#: Of what a client may send at any length, so much stands in a line of the log.
LOGGED_BYTES: Final = 1024

_CORRELATION_ID = b"x-correlation-id"
_HOST = b"host"
_FORWARDED_FOR = b"x-forwarded-for"
_USER_AGENT = b"user-agent"
_TRACEPARENT = b"traceparent"
_LENGTHS = frozenset(map(len, (_CORRELATION_ID, _HOST, _FORWARDED_FOR, _USER_AGENT, _TRACEPARENT)))


class HeaderSection:
    """One header section; requests with the same lines share it."""

    __slots__ = (
        *(
            "body_length",
            "claimed_id",
            "fields",
            "forwarded_for",
            "host",
            "passed_on",
            "trace_id",
            "user_agent",
        ),
        "valid_in",
    )

    def __init__(self, fields: Sequence[FieldLine]) -> None:
        self.fields = fields
        #: The first Host; HTTP/1.0 may be without one.
        self.host: bytes | None = None
        #: The first X-Correlation-ID, as the client sent it.
        self.claimed_id: str | None = None
        #: Every X-Forwarded-For, in their order.
        self.forwarded_for: tuple[str, ...] = ()
        #: As it can stand in a log: cut, bytes that are not UTF-8 replaced.
        self.user_agent = ""
        #: Of the trace that the request belongs to, where it says so validly.
        self.trace_id: str | None = None
        #: Known once it was checked.
        self.body_length: Length = 0
        #: The version of HTTP under which it was checked last, and found valid.
        self.valid_in: Version | None = None
        #: The lines that go to an instance as they are; None: not known yet; b"": it takes thought.
        self.passed_on: bytes | None = None
        traceparents: list[bytes] = []
        for name, value in fields:
            if len(name) not in _LENGTHS:
                continue
            lower = name.lower()
            if lower == _HOST and self.host is None:
                self.host = value
            elif lower == _CORRELATION_ID and self.claimed_id is None:
                self.claimed_id = value.decode("utf-8", "surrogateescape")
            elif lower == _FORWARDED_FOR:
                self.forwarded_for += (value.decode("utf-8", "surrogateescape"),)
            elif lower == _USER_AGENT and not self.user_agent:
                self.user_agent = for_the_log(value.decode("utf-8", "surrogateescape"))
            elif lower == _TRACEPARENT:
                traceparents.append(value)
        if traceparents:
            self.trace_id = trace_id_of(traceparents)

    @property
    def has_body(self) -> bool:
        """A body follows, as the fields say; whether the parser has seen one is no matter."""
        return self.body_length != 0

    def check(self, version: Version) -> None:
        """Raise BadRequest or ExpectationFailed where it must not be passed on."""
        if version is not self.valid_in:
            self.body_length = check_request(version, self.fields)
            self.valid_in = version


#: Sections met before, by their lines: most layers ask something of them, and clients repeat themselves.
SectionMemory = Memory[Sequence[FieldLine], HeaderSection]


def section_memory() -> SectionMemory:
    return Memory("header_sections", entries=512, entry_bytes=4096)


def section_of(fields: tuple[FieldLine, ...], met: SectionMemory) -> HeaderSection:
    """The section that these lines are."""
    section = met.recall(fields)
    if section is None:
        section = HeaderSection(fields)
        met.keep(fields, section, sum(map(len, chain.from_iterable(fields))))
    return section


def for_the_log(text: str) -> str:
    """The beginning of what a client sent, LOGGED_BYTES at most; bytes that are not UTF-8 are replaced."""
    beginning = text[:LOGGED_BYTES]
    if beginning.isascii():
        return beginning
    readable = beginning.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return readable.encode()[:LOGGED_BYTES].decode("utf-8", "ignore")
