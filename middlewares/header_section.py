"""What is known about a header section, found out once for all requests with the same lines."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from middlewares.hygiene.deciding import FieldLine, Length, Version, check_request
from middlewares.memory import Memory
from middlewares.trace_context import trace_id_of

#: A log line shows at most this much of a client's value.
LOGGED_BYTES: Final = 1024

_CORRELATION_ID = b"x-correlation-id"
_HOST = b"host"
_FORWARDED_FOR = b"x-forwarded-for"
_USER_AGENT = b"user-agent"
_TRACEPARENT = b"traceparent"
_LENGTHS = frozenset(map(len, (_CORRELATION_ID, _HOST, _FORWARDED_FOR, _USER_AGENT, _TRACEPARENT)))


class HeaderSection:
    """One header section, shared by requests with the same lines."""

    __slots__ = (
        *(
            "body_length",
            "claimed_id",
            "fields",
            "forwarded_for",
            "host",
            "ready_lines",
            "trace_id",
            "user_agent",
        ),
        "valid_in",
    )

    def __init__(self, fields: Sequence[FieldLine]) -> None:
        self.fields = fields
        #: The first Host; an HTTP/1.0 request may have none.
        self.host: bytes | None = None
        #: The first X-Correlation-ID, as the client sent it.
        self.claimed_id: str | None = None
        #: Every X-Forwarded-For, in order.
        self.forwarded_for: tuple[str, ...] = ()
        #: The User-Agent for the log: cut, with bytes that are not UTF-8 replaced.
        self.user_agent = ""
        #: The trace ID, if the request has a valid one.
        self.trace_id: str | None = None
        #: Set by `check`.
        self.body_length: Length = 0
        #: The HTTP version for which `check` last found it valid.
        self.valid_in: Version | None = None
        #: The lines that go to an instance as they are; None: not known yet; b"": they need `_careful`.
        self.ready_lines: bytes | None = None
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
        """Whether the fields announce a body, even if the parser has not seen one."""
        return self.body_length != 0

    def check(self, version: Version) -> None:
        """Raise BadRequest or ExpectationFailed if it must not be passed on."""
        if version is not self.valid_in:
            self.body_length = check_request(version, self.fields)
            self.valid_in = version


#: Remembers sections by their lines: most layers use them, and clients repeat themselves.
SectionMemory = Memory[Sequence[FieldLine], HeaderSection]


def section_memory() -> SectionMemory:
    return Memory("header_sections", entries=512, entry_bytes=4096)


def section_of(fields: tuple[FieldLine, ...], met: SectionMemory) -> HeaderSection:
    """The section with these lines, remembered or new."""
    section = met.recall(fields)
    if section is None:
        section = HeaderSection(fields)
        met.keep(fields, section, sum(map(len, chain.from_iterable(fields))))
    return section


def for_the_log(text: str) -> str:
    """The first LOGGED_BYTES of a client's value; bytes that are not UTF-8 are replaced."""
    beginning = text[:LOGGED_BYTES]
    if beginning.isascii():
        return beginning
    readable = beginning.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return readable.encode()[:LOGGED_BYTES].decode("utf-8", "ignore")
