"""A request's header section, and what the layers read in it."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from middlewares.hygiene.deciding import FieldLine, Length, Version, check_request
from middlewares.trace_context import trace_id_of

#: A log line shows at most this much of a client's value.
LOGGED_BYTES: Final = 1024

_CORRELATION_ID = b"x-correlation-id"
_HOST = b"host"
_FORWARDED_FOR = b"x-forwarded-for"
_USER_AGENT = b"user-agent"
_TRACEPARENT = b"traceparent"
_REQUEST_TIMEOUT = b"x-request-timeout"
_READ_HERE = (_CORRELATION_ID, _HOST, _FORWARDED_FOR, _USER_AGENT, _TRACEPARENT, _REQUEST_TIMEOUT)
#: The fields that credentials come in, by lower-case name.
CREDENTIAL_FIELDS: Final = (b"authorization", b"x-api-key", b"cookie")
_UPGRADE = b"upgrade"
_PREFLIGHT = frozenset([b"origin", b"access-control-request-method"])
_LENGTHS = frozenset(map(len, _READ_HERE))

#: Keys of the registry, and those that are cut off or mistyped.
_API_KEY = re.compile("lg_[0-9A-Za-z]{40,}")
_NAMES = re.compile(rb"^[^:\r\n]+", re.MULTILINE)


class HeaderSection:
    """The fields of one request; a section without an attribute has the class's value for it."""

    #: The first Host; an HTTP/1.0 request may have none.
    host: bytes | None = None
    #: The first X-Correlation-ID, as the client sent it.
    claimed_id: str | None = None
    #: Every X-Forwarded-For, in order.
    forwarded_for: tuple[str, ...] = ()
    #: The User-Agent for the log: cut, with bytes that are not UTF-8 replaced.
    user_agent = ""
    #: X-Request-Timeout as it came; lines are joined. None: there is none.
    request_timeout: bytes | None = None
    #: The trace ID, if the request has a valid one.
    trace_id: str | None = None
    #: Set by `check`.
    body_length: Length = 0
    #: The HTTP version for which `check` last found it valid.
    valid_in: Version | None = None

    def __init__(self, fields: Sequence[FieldLine]) -> None:
        self._fields = fields
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
            elif lower == _REQUEST_TIMEOUT:
                before = self.request_timeout
                self.request_timeout = value if before is None else before + b", " + value
        if traceparents:
            self.trace_id = trace_id_of(traceparents)

    @property
    def fields(self) -> Sequence[FieldLine]:
        return self._fields

    @property
    def credentials(self) -> Sequence[FieldLine]:
        """The fields that may have credentials, in order."""
        return [(name, value) for name, value in self.fields if name.lower() in CREDENTIAL_FIELDS]

    @property
    def is_preflight(self) -> bool:
        """Whether an OPTIONS is a browser's question about CORS (https://fetch.spec.whatwg.org/#cors-preflight-request).

        That has no body, and never asks for another protocol.
        """
        names = {name.lower() for name, _ in self.fields}
        return names >= _PREFLIGHT and _UPGRADE not in names and not self.has_body

    @property
    def names(self) -> bytes:
        """The names of the fields as they came, joined by commas."""
        return b",".join([name for name, _ in self.fields])

    @property
    def has_body(self) -> bool:
        """Whether the fields announce a body, even if the parser has not seen one."""
        return self.body_length != 0

    def check(self, version: Version) -> None:
        """Raise BadRequest or ExpectationFailed if it must not be passed on."""
        if version is not self.valid_in:
            self.body_length = check_request(version, self.fields)
            self.valid_in = version


class ReadSection(HeaderSection):
    """A section that its reader has checked and filled in; its fields are taken apart when asked for.

    `block` has the fields as lines, each with its CRLF. `trusted`: a trusted proxy has sent it.
    """

    block: bytes
    trusted: bool
    #: The lines that go to an instance as they are, with a CRLF between two.
    ready_lines = b""
    #: The line of X-Request-Timeout, which is not among these if the gateway may shorten it.
    timeout_line = b""
    #: The lists that the gateway continues, by lower-case name, without empty elements at their ends.
    lists: Mapping[bytes, bytes] = {}
    #: The line of each of CREDENTIAL_FIELDS among `ready_lines`, empty if there is none; a gateway without a
    #: file looks for none.
    credential_lines: Sequence[bytes] = (b"", b"", b"")
    _taken_apart: Sequence[FieldLine] | None = None

    @property
    def fields(self) -> Sequence[FieldLine]:
        if self._taken_apart is None:
            parts = (line.partition(b":") for line in self.block.split(b"\r\n")[:-1])
            self._taken_apart = tuple((name, value.strip(b" \t")) for name, _, value in parts)
        return self._taken_apart

    @property
    def credentials(self) -> Sequence[FieldLine]:
        lines = [line.partition(b": ") for line in self.credential_lines if line]
        return [(name, value) for name, _, value in lines]

    @property
    def names(self) -> bytes:
        return b",".join(_NAMES.findall(self.block))


def without_keys(text: str) -> str:
    """The text with API keys blotted out: a client may have put its own in a path or a name."""
    return _API_KEY.sub("lg_***", text) if "lg_" in text else text


def for_the_log(text: str) -> str:
    """The first LOGGED_BYTES of a client's value, without API keys; bytes that are not UTF-8 are replaced."""
    beginning = without_keys(text)[:LOGGED_BYTES]
    if beginning.isascii():
        return beginning
    readable = beginning.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return readable.encode()[:LOGGED_BYTES].decode("utf-8", "ignore")
