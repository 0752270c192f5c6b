"""What the gateway changes in a head on its way: fields dropped, fields added, everything else as it came.

Most field lines come again and again, so what becomes of a line is found out once and remembered.
A request in which everything is ordinary is put together from remembered lines; a request with a
field that needs thought (Connection options, Upgrade, Via, a trace, …) goes through `_careful`.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final, TypeVar

from discovery.instance import Instance
from gateway.upstream.messages import FieldLine, RequestHead, ResponseHead, lines
from middlewares.failures import BadRequest, LoopDetected
from middlewares.header_section import HeaderSection
from middlewares.limiting import LIMIT_FIELDS
from middlewares.request_rules import Version, is_host

PSEUDONYM = "lockgate"
#: Our own Via met more often than this means that a request goes round in circles.
LOOPS_ALLOWED = 3
#: Field lines and blocks remembered; at the cap all are forgotten.
REMEMBERED = 8192
#: Longer lines are not: clients could have the gateway remember 256 MiB.
REMEMBERED_BYTES = 512

#: RFC 9110 §7.6.1: they speak of one connection, not of the message.
HOP_BY_HOP = frozenset(
    [b"connection", b"proxy-connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"]
)
#: Never dropped for being named by Connection: the message would change its meaning.
_NEVER_NAMED = frozenset([b"host", b"content-length"])
_DROPPED_FROM_REQUESTS = frozenset([b"expect", b"http2-settings", b"x-correlation-id"])
_SET_HERE = frozenset(
    [b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix", b"via"]
)
_TRACE = frozenset([b"traceparent", b"tracestate"])
#: Every answer has our ID; trailers are dropped, and so is their announcement.
_SAID_HERE = frozenset([b"x-correlation-id", b"trailer"])
#: Connection options that name no field.
_PLAIN_OPTIONS = frozenset([b"close", b"keep-alive", b""])

_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

#: Stand for a line that can't be remembered as bytes.
_A_HOST: Final = 1
_NEEDS_THOUGHT: Final = 2
_A_DATE: Final = 3
_request_lines: dict[FieldLine, bytes | int] = {}
_response_lines: dict[FieldLine, bytes | int] = {}
_added_blocks: dict[tuple[str, str, bytes | None, str, Version], bytes] = {}

K = TypeVar("K")
V = TypeVar("V")

#: Spans need to be distinct, not secret.
_generator = random.Random()


@dataclass(slots=True)
class Inbound:
    """A request's head as it came in, and what is known of who sent it.

    `authority` is an absolute-form target's own; `peer_trusted`: see TRUSTED_PROXIES.
    """

    method: str
    section: HeaderSection
    version: Version
    peer: str
    peer_trusted: bool
    scheme: str
    authority: str | None
    target: str
    prefix: str
    correlation_id: str

    @property
    def upgrade(self) -> bytes | None:
        """The protocols that the connection may switch to; only a GET over HTTP/1.1 asks for that.

        h2c is never among them: a tunnel of HTTP/2 would carry requests past every rule here.
        """
        if self.method != "GET" or self.version != (1, 1):
            return None
        fields = self.section.fields
        if b"upgrade" not in connection_options(fields):
            return None
        if any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in fields):
            return None
        asked = b",".join(values_of(fields, b"upgrade")).split(b",")
        protocols = [protocol.strip() for protocol in asked if protocol.strip()]
        return b", ".join(p for p in protocols if p.lower() != b"h2c") or None


def request_head(inbound: Inbound, instance: Instance) -> RequestHead:
    """The head to send to an instance. Raises BadRequest or LoopDetected."""
    section = inbound.section
    kept = section.passed_on
    if kept is None:
        kept = section.passed_on = _passed_on(section.fields)
    if not kept or inbound.authority is not None:
        return _careful(inbound, instance)
    key = (inbound.peer, inbound.scheme, section.host, inbound.prefix, inbound.version)
    block = _added_blocks.get(key)
    if block is None:
        block = _remember(_added_blocks, key, lines(_forwarding_fields(inbound, section.host)))
    correlation_id = inbound.correlation_id.encode("ascii")
    data = b"%b%bX-Correlation-ID: %b\r\n%btraceparent: %b\r\n\r\n" % (
        _request_line(inbound),
        kept,
        correlation_id,
        block,
        _new_trace(),
    )
    return RequestHead(inbound.method, data, correlation_id)


def _passed_on(fields: Sequence[FieldLine]) -> bytes:
    """The lines that go to an instance as they are; b"" where one of them takes thought."""
    remembered = _request_lines
    parts: list[bytes] = []
    has_host = False
    for field in fields:
        line = remembered.get(field)
        if line is None:
            line = _kind(remembered, field, _request_kind)
        if isinstance(line, bytes):
            parts.append(line)
        elif line == _A_HOST and not has_host:
            has_host = True
            parts.append(b"%b: %b\r\n" % field)
        else:
            return b""
    return b"".join(parts) if has_host else b""


def _careful(inbound: Inbound, instance: Instance) -> RequestHead:
    """The same, field by field."""
    fields = inbound.section.fields
    named = connection_options(fields)
    host = _host_of(inbound)
    upgrade = inbound.upgrade
    kept: list[FieldLine] = []
    chunked = False
    for name, value in fields:
        lower = name.lower()
        if lower == b"transfer-encoding":
            chunked = True
            kept.append((name, b"chunked"))
        elif lower == b"host":
            kept.append((name, host or value))
        elif not _is_dropped(lower, named, trusted=inbound.peer_trusted):
            kept.append((name, value))
    if host is None:
        kept.append((b"Host", instance.authority.encode("ascii")))
    correlation_id = inbound.correlation_id.encode("ascii")
    kept.append((b"X-Correlation-ID", correlation_id))
    kept.extend(_forwarding_fields(inbound, host))
    kept.extend(_trace_context(fields))
    if upgrade is not None:
        kept += [(b"Connection", b"Upgrade"), (b"Upgrade", upgrade)]
    data = b"".join((_request_line(inbound), lines(kept), b"\r\n"))
    return RequestHead(
        inbound.method, data, correlation_id, chunked=chunked, upgrades=upgrade is not None
    )


def response_head(
    head: ResponseHead,
    version: tuple[int, int],
    added: Sequence[FieldLine],
    *,
    replaced: frozenset[bytes] = frozenset(),
    careful: bool = False,
    without_cors: bool = False,
) -> bytes:
    """An instance's head as it goes to the client, `added` behind its own fields.

    `replaced` are names (lower-case) of which the instance's lines are dropped, since ours stand for
    them: LIMIT_FIELDS, or with `careful` any. `without_cors` drops all Access-Control-* fields.
    """
    kept = head.passed_on
    if kept is None:
        kept = head.passed_on = _answer_passed_on(head)
    if careful or without_cors or not kept:
        kept = _careful_answer(head, replaced, without_cors=without_cors)
    return b"HTTP/1.%d %b%b\r\n" % (version[1], kept, lines(added))


def _answer_passed_on(head: ResponseHead) -> bytes:
    """All behind the version that goes to the client as it is; b"" where it takes thought."""
    remembered = _response_lines
    parts = [b"%d %b\r\n" % (head.status, head.phrase)]
    dated = False
    for field in head.fields:
        line = remembered.get(field)
        if line is None:
            line = _kind(remembered, field, _response_kind)
        if isinstance(line, bytes):
            parts.append(line)
        elif line == _A_DATE:
            dated = True
            parts.append(b"%b: %b\r\n" % field)
        else:
            return b""
    return b"".join(parts) if dated and head.status != 101 else b""


def _careful_answer(head: ResponseHead, replaced: frozenset[bytes], *, without_cors: bool) -> bytes:
    """The same, field by field."""
    kept = [
        field
        for field in response_fields(head.fields)
        if (lower := field[0].lower()) not in replaced
        and not (without_cors and lower.startswith(b"access-control-"))
    ]
    if head.status == 101:
        kept += [(b"Upgrade", value) for value in values_of(head.fields, b"upgrade")]
    if not any(name.lower() == b"date" for name, _ in kept):
        kept.append((b"Date", formatdate(usegmt=True).encode("ascii")))
    return b"%d %b\r\n%b" % (head.status, head.phrase, lines(kept))


def response_fields(fields: Sequence[FieldLine]) -> list[FieldLine]:
    """A response's fields without those that speak of the connection to the instance alone."""
    named = connection_options(fields)
    return [
        (name, value)
        for name, value in fields
        if (lower := name.lower()) not in HOP_BY_HOP
        and lower not in _SAID_HERE
        and lower not in named
    ]


def connection_options(fields: Iterable[FieldLine]) -> frozenset[bytes]:
    """The field names that Connection lists, lower-case."""
    named = frozenset(
        option.strip().lower()
        for value in values_of(fields, b"connection")
        for option in value.split(b",")
    )
    return named - _NEVER_NAMED


def values_of(fields: Iterable[FieldLine], name: bytes) -> Iterator[bytes]:
    """The values of every line of a field; `name` is lower-case."""
    return (value for key, value in fields if key.lower() == name)


def _remember(memory: dict[K, V], key: K, value: V) -> V:
    if len(memory) >= REMEMBERED:
        memory.clear()
    memory[key] = value
    return value


def _kind(
    memory: dict[FieldLine, bytes | int],
    field: FieldLine,
    kind_of: Callable[[bytes, bytes], bytes | int],
) -> bytes | int:
    """What becomes of a line that is not remembered yet."""
    name, value = field
    kind = kind_of(name, value)
    if len(name) + len(value) > REMEMBERED_BYTES:
        return kind
    return _remember(memory, field, kind)


def _request_line(inbound: Inbound) -> bytes:
    target = inbound.target.encode("utf-8", "surrogateescape")
    return b"%b %b HTTP/1.1\r\n" % (inbound.method.encode("ascii"), target)


def _request_kind(name: bytes, value: bytes) -> bytes | int:
    """What becomes of a line of a request: these bytes, or it needs thought."""
    lower = name.lower()
    if lower == b"host":
        return _A_HOST
    if lower == b"connection":
        options = {option.strip().lower() for option in value.split(b",")}
        return b"" if options <= _PLAIN_OPTIONS else _NEEDS_THOUGHT
    if lower in (b"transfer-encoding", b"upgrade", b"via") or lower in _TRACE:
        return _NEEDS_THOUGHT
    if lower.startswith(b"x-forwarded-") or lower == b"forwarded":
        return _NEEDS_THOUGHT
    if lower in HOP_BY_HOP or lower in _DROPPED_FROM_REQUESTS or b"_" in lower:
        return b""
    return b"%b: %b\r\n" % (name, value)


def _response_kind(name: bytes, value: bytes) -> bytes | int:
    lower = name.lower()
    if lower == b"date":
        return _A_DATE
    if lower in LIMIT_FIELDS:
        return _NEEDS_THOUGHT
    if lower == b"connection":
        options = {option.strip().lower() for option in value.split(b",")}
        return b"" if options <= _PLAIN_OPTIONS | {b"upgrade"} else _NEEDS_THOUGHT
    return b"" if lower in HOP_BY_HOP or lower in _SAID_HERE else b"%b: %b\r\n" % (name, value)


def _is_dropped(lower: bytes, named: frozenset[bytes], *, trusted: bool) -> bool:
    if lower in HOP_BY_HOP or lower in named or lower in _DROPPED_FROM_REQUESTS or b"_" in lower:
        return True
    if lower in _SET_HERE or lower in _TRACE:
        return True  # said anew
    return not trusted and (lower.startswith(b"x-forwarded-") or lower == b"forwarded")


def _host_of(inbound: Inbound) -> bytes | None:
    """The host that the client asked for (RFC 9112 §3.2); None: HTTP/1.0 without one."""
    if inbound.authority is None:
        return inbound.section.host
    authority = inbound.authority.encode("utf-8", "surrogateescape")
    if not is_host(authority):
        raise BadRequest("the host of the request target is not valid")
    return authority


def _forwarding_fields(inbound: Inbound, host: bytes | None) -> list[FieldLine]:
    """X-Forwarded-* and Via: of a trusted peer continued, else begun here."""
    before: dict[bytes, bytes] = {}
    if inbound.peer_trusted:
        for name in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"):
            before[name] = b", ".join(values_of(inbound.section.fields, name))
    peer = inbound.peer.encode("ascii")
    came_for = before.get(b"x-forwarded-for")
    proto = before.get(b"x-forwarded-proto") or inbound.scheme.encode("ascii")
    forwarded_host = before.get(b"x-forwarded-host") or host
    fields = [
        (b"X-Forwarded-For", came_for + b", " + peer if came_for else peer),
        (b"X-Forwarded-Proto", proto),
    ]
    if forwarded_host is not None:
        fields.append((b"X-Forwarded-Host", forwarded_host))
    fields.append((b"X-Forwarded-Prefix", inbound.prefix.encode("ascii")))
    fields.append((b"Via", _via(inbound)))
    return fields


def _via(inbound: Inbound) -> bytes:
    came = b", ".join(values_of(inbound.section.fields, b"via"))
    ours = PSEUDONYM.encode("ascii")
    met = sum(1 for item in came.split(b",") if item.split()[1:2] == [ours])
    if met > LOOPS_ALLOWED:
        raise LoopDetected("the request has come through this gateway too often")
    here = b"%d.%d %b" % (*inbound.version, ours)
    return came + b", " + here if came else here


def _trace_context(fields: Sequence[FieldLine]) -> Iterator[FieldLine]:
    """W3C Trace Context: a valid trace goes on under a span of ours, else a new one begins."""
    parents = list(values_of(fields, b"traceparent"))
    if len(parents) == 1 and _TRACEPARENT.fullmatch(parents[0]):
        span = b"%016x" % (_generator.getrandbits(64) or 1)
        yield b"traceparent", parents[0][:36] + span + parents[0][52:]
        for state in values_of(fields, b"tracestate"):
            yield b"tracestate", state
    else:
        yield b"traceparent", _new_trace()


def _new_trace() -> bytes:
    return b"00-%032x-%016x-00" % (
        _generator.getrandbits(128) or 1,
        _generator.getrandbits(64) or 1,
    )
