"""Makes the head that goes to an instance from a request's head.

A request that was read plainly is put together from its lines as they came; every other one field by
field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from discovery.model.instance import Instance
from gateway.forwarding.field_lines import connection_options, values_of
from gateway.forwarding.fields import (
    CLAIM,
    CODING,
    HOST,
    LENGTH,
    PASS,
    TRUSTED,
    Gets,
    in_request,
)
from gateway.forwarding.head_changes import changed_lines
from gateway.forwarding.memories import Sender, SenderMemory
from gateway.upstream.messages import FieldLine, RequestHead, lines
from middlewares.failures import BadRequest, LoopDetected
from middlewares.head_changes import HeadChanges, changed_fields, merged, of_length
from middlewares.header_section import HeaderSection, ReadSection
from middlewares.hygiene.deciding import Version, is_host

PSEUDONYM = "lockgate"
_OURS = PSEUDONYM.encode("ascii")
_HTTP_1_1 = (1, 1)
#: A request with more of our own Via entries than this goes in circles.
LOOPS_ALLOWED = 3


@dataclass(slots=True)
class Inbound:
    """A request's head as it came in, and what is known about its sender.

    `authority` is that of an absolute-form target; `peer_trusted`: see TRUSTED_PROXIES. `sent_host`
    replaces the host that was asked for, and `timeout_line` the client's X-Request-Timeout if it is not empty.
    `changes` are those of the layers, and `changed_body` is the body that they put in place of the client's.
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
    sent_host: bytes | None = None
    timeout_line: bytes = b""
    changes: HeadChanges | None = None
    changed_body: bytes | None = None

    @property
    def upgrade(self) -> bytes | None:
        """The protocols that the connection may switch to; only a request without a body may ask for that.

        h2c is never among them: an HTTP/2 tunnel would carry requests past every rule here. websocket
        needs a GET (RFC 6455 §4.1).
        """
        if self.version != (1, 1) or self.section.has_body:
            return None
        fields = self.section.fields
        if b"upgrade" not in connection_options(fields):
            return None
        never = (b"", b"h2c") if self.method == "GET" else (b"", b"h2c", b"websocket")
        asked = b",".join(values_of(fields, b"upgrade")).split(b",")
        protocols = [protocol.strip() for protocol in asked]
        return b", ".join(p for p in protocols if p.lower() not in never) or None

    @property
    def takes_trailers(self) -> bool:
        """Whether the client sends `TE: trailers` (RFC 9110 §10.1.4); the gateway then asks the instance too."""
        if self.version != (1, 1):
            return False
        said = b",".join(values_of(self.section.fields, b"te")).split(b",")
        return any(coding.strip().lower() == b"trailers" for coding in said)


def plain_request_head(
    method: str,
    target: str,
    section: ReadSection,
    sender: Sender,
    correlation_id: str,
    met: SenderMemory,
    timeout_line: bytes = b"",
    changes: HeadChanges | None = None,
    changed_body: bytes | None = None,
) -> RequestHead:
    """The head of a request that was read plainly, for any instance. Raises LoopDetected.

    `timeout_line`: X-Request-Timeout, which is none of the section's ready lines if the gateway reads it.
    `changes` are those of the layers, and `changed_body` is the body that they put in place of the client's.
    """
    if changed_body is not None:
        changes = merged(changes, of_length(len(changed_body)))
    if not section.lists:
        added = met.recall(sender)
        if added is None:
            added = _forwarding_lines(sender, _HTTP_1_1, {}, trusted=False)
            met.keep(sender, added, len(added))
    else:
        added = _forwarding_lines(sender, _HTTP_1_1, section.lists, trusted=section.trusted)
    ready_lines = section.ready_lines
    if changes is not None:
        ready_lines = changed_lines(ready_lines, section.credential_lines, changes)
        timeout_line += changes.added
    data = b"%b%b\r\nX-Correlation-ID: %b\r\n%b%b\r\n" % (
        f"{method} {target} HTTP/1.1\r\n".encode("ascii"),
        ready_lines,
        correlation_id.encode("ascii"),
        added,
        timeout_line,
    )
    length = section.body_length or 0 if changed_body is None else len(changed_body)
    return RequestHead(method, data, length)


def request_head(inbound: Inbound, instance: Instance) -> RequestHead:
    """Make the head to send to an instance, field by field. Raises BadRequest or LoopDetected."""
    fields, changes = inbound.section.fields, inbound.changes
    named = connection_options(fields)
    if inbound.timeout_line:
        named |= {b"x-request-timeout"}
    if named:
        # Before the changes: what these set is the gateway's own, whatever the client names.
        fields = [
            field
            for field in fields
            if field[0].lower() not in named or not _may_be_named(in_request(field[0]))
        ]
    if changes is not None:
        fields = changed_fields(fields, changes)
    host = _host_of(inbound)
    upgrade = inbound.upgrade
    trailers = inbound.takes_trailers
    kept: list[FieldLine] = []
    chunked = False
    claims = 0
    for name, value in fields:
        gets = in_request(name)
        if gets is HOST:
            kept.append((name, inbound.sent_host or host or value))
        elif inbound.changed_body is not None and (gets is CODING or gets is LENGTH):
            continue
        elif gets is CODING:
            chunked = True
            kept.append((name, b"chunked"))
        elif gets is CLAIM:
            claims += 1
        elif gets is PASS or gets is LENGTH or (gets is TRUSTED and inbound.peer_trusted):
            kept.append((name, value))
    if host is None:
        kept.append((b"Host", inbound.sent_host or instance.authority.encode("ascii")))
    length = inbound.section.body_length or 0
    if inbound.changed_body is not None:
        length = len(inbound.changed_body)
        kept.append((b"Content-Length", b"%d" % length))
    kept.append((b"X-Correlation-ID", inbound.correlation_id.encode("ascii")))
    asked: list[FieldLine] = []
    if trailers:
        asked += [(b"TE", b"trailers"), (b"Connection", b"TE, Upgrade" if upgrade else b"TE")]
    elif upgrade is not None:
        asked.append((b"Connection", b"Upgrade"))
    if upgrade is not None:
        asked.append((b"Upgrade", upgrade))
    sender = (inbound.peer, inbound.scheme, host, inbound.prefix)
    added = _forwarding_lines(sender, inbound.version, _lists(fields), trusted=inbound.peer_trusted)
    own = inbound.timeout_line if changes is None else inbound.timeout_line + changes.added
    data = b"".join((_request_line(inbound), lines(kept), added, lines(asked), own, b"\r\n"))
    return RequestHead(
        inbound.method,
        data,
        length,
        chunked=chunked,
        upgrades=upgrade is not None,
        trailers=trailers,
        claims=claims,
    )


def _may_be_named(gets: Gets) -> bool:
    """Whether Connection can take such a field out."""
    return gets is PASS or gets is LENGTH or gets is TRUSTED


def _request_line(inbound: Inbound) -> bytes:
    target = inbound.target.encode("utf-8", "surrogateescape")
    return b"%b %b HTTP/1.1\r\n" % (inbound.method.encode("ascii"), target)


def _host_of(inbound: Inbound) -> bytes | None:
    """The host that the client asked for (RFC 9112 §3.2); None: HTTP/1.0 without one."""
    if inbound.authority is None:
        return inbound.section.host
    authority = inbound.authority.encode("utf-8", "surrogateescape")
    if not is_host(authority):
        raise BadRequest("the host of the request target is not valid")
    return authority


def _forwarding_lines(
    sender: Sender, version: Version, came: Mapping[bytes, bytes], *, trusted: bool
) -> bytes:
    """X-Forwarded-* and Via: those that `came` are continued from a trusted peer's, else begun here."""
    peer, scheme, host, prefix = sender
    before = came if trusted else {}
    came_for = before.get(b"x-forwarded-for")
    own = peer.encode("ascii")
    host = before.get(b"x-forwarded-host") or host
    return b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\n%b%bVia: %b\r\n" % (
        came_for + b", " + own if came_for else own,
        before.get(b"x-forwarded-proto") or scheme.encode("ascii"),
        b"" if host is None else b"X-Forwarded-Host: %b\r\n" % host,
        b"X-Forwarded-Prefix: %b\r\n" % prefix.encode("ascii") if prefix else b"",
        _via(version, came.get(b"via", b"")),
    )


def _via(version: Version, came: bytes) -> bytes:
    if _OURS in came:
        met = sum(1 for item in came.split(b",") if item.split()[1:2] == [_OURS])
        if met > LOOPS_ALLOWED:
            raise LoopDetected("the request has come through this gateway too often")
    here = b"%d.%d %b" % (*version, _OURS)
    return came + b", " + here if came else here


def _lists(fields: Sequence[FieldLine]) -> dict[bytes, bytes]:
    """The lists that are continued here, without empty elements (RFC 9110 §5.6.1)."""
    found: dict[bytes, bytes] = {}
    for name in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"via"):
        values = (value.strip(b", \t") for value in values_of(fields, name))
        found[name] = b", ".join(value for value in values if value)
    return found
