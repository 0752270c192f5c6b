"""What the gateway changes in a head on its way: fields dropped, fields added, everything else as it came."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.upstream.messages import FieldLine, RequestHead
from middlewares.failures import BadRequest, LoopDetected
from middlewares.request_rules import is_host

PSEUDONYM = "lockgate"
#: Our own Via met more often than this means that a request goes round in circles.
LOOPS_ALLOWED = 3

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

_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request's head as it came in, and what is known of who sent it; `peer_trusted`: see TRUSTED_PROXIES."""

    method: str
    fields: Sequence[FieldLine]
    version: tuple[int, int]
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
        if b"upgrade" not in connection_options(self.fields):
            return None
        if any(
            name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.fields
        ):
            return None
        asked = b",".join(values_of(self.fields, b"upgrade")).split(b",")
        protocols = [protocol.strip() for protocol in asked if protocol.strip()]
        return b", ".join(p for p in protocols if p.lower() != b"h2c") or None


def request_head(inbound: Inbound, instance_authority: str) -> RequestHead:
    """The head to send to an instance. Raises BadRequest or LoopDetected."""
    fields = inbound.fields
    named = connection_options(fields)
    kept: list[FieldLine] = []
    chunked = False
    host = _host_of(inbound)
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
        kept.append((b"Host", instance_authority.encode("ascii")))
    kept.extend(_added(inbound, host))
    upgrade = inbound.upgrade
    if upgrade is not None:
        kept.append((b"Connection", b"Upgrade"))
        kept.append((b"Upgrade", upgrade))
    else:
        kept.append((b"Connection", b"close"))
    return RequestHead(
        method=inbound.method,
        target=inbound.target.encode("utf-8", "surrogateescape"),
        fields=tuple(kept),
        chunked=chunked,
        upgrades=upgrade is not None,
    )


def response_fields(fields: Sequence[FieldLine]) -> list[FieldLine]:
    """A response's fields without those that speak of the connection to the instance alone."""
    named = connection_options(fields)
    return [
        (name, value)
        for name, value in fields
        if (lower := name.lower()) not in HOP_BY_HOP and lower not in named
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


def _is_dropped(lower: bytes, named: frozenset[bytes], *, trusted: bool) -> bool:
    if lower in HOP_BY_HOP or lower in named or lower in _DROPPED_FROM_REQUESTS or b"_" in lower:
        return True
    if lower in _SET_HERE or lower in (b"traceparent", b"tracestate"):
        return True  # said anew in `_added`
    return not trusted and (lower.startswith(b"x-forwarded-") or lower == b"forwarded")


def _host_of(inbound: Inbound) -> bytes | None:
    """The host that the client asked for (RFC 9112 §3.2); None: HTTP/1.0 without one."""
    if inbound.authority is None:
        return next(values_of(inbound.fields, b"host"), None)
    authority = inbound.authority.encode("utf-8", "surrogateescape")
    if not is_host(authority):
        raise BadRequest("the host of the request target is not valid")
    return authority


def _added(inbound: Inbound, host: bytes | None) -> Iterator[FieldLine]:
    before: dict[bytes, bytes] = {}
    if inbound.peer_trusted:
        for name in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"):
            before[name] = b", ".join(values_of(inbound.fields, name))
    peer = inbound.peer.encode("ascii")
    came_for = before.get(b"x-forwarded-for")
    proto = before.get(b"x-forwarded-proto") or inbound.scheme.encode("ascii")
    forwarded_host = before.get(b"x-forwarded-host") or host
    yield b"X-Correlation-ID", inbound.correlation_id.encode("ascii")
    yield b"X-Forwarded-For", came_for + b", " + peer if came_for else peer
    yield b"X-Forwarded-Proto", proto
    if forwarded_host is not None:
        yield b"X-Forwarded-Host", forwarded_host
    yield b"X-Forwarded-Prefix", inbound.prefix.encode("ascii")
    yield b"Via", _via(inbound)
    yield from _trace_context(inbound.fields)


def _via(inbound: Inbound) -> bytes:
    came = b", ".join(values_of(inbound.fields, b"via"))
    ours = PSEUDONYM.encode("ascii")
    met = sum(1 for item in came.split(b",") if item.split()[1:2] == [ours])
    if met > LOOPS_ALLOWED:
        raise LoopDetected("the request has come through this gateway too often")
    here = b"%d.%d %b" % (*inbound.version, ours)
    return came + b", " + here if came else here


def _trace_context(fields: Sequence[FieldLine]) -> Iterator[FieldLine]:
    """W3C Trace Context: a valid trace goes on under a span of ours, else a new one begins."""
    parents = list(values_of(fields, b"traceparent"))
    span = secrets.token_hex(8).encode("ascii")
    if len(parents) == 1 and _TRACEPARENT.fullmatch(parents[0]):
        yield b"traceparent", parents[0][:36] + span + parents[0][52:]
        for state in values_of(fields, b"tracestate"):
            yield b"tracestate", state
    else:
        yield b"traceparent", b"00-%b-%b-00" % (secrets.token_hex(16).encode("ascii"), span)
