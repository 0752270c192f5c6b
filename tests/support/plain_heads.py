"""Requests as the plain reader has them."""

from gateway.forwarding.memories import SenderMemory
from gateway.forwarding.requests import Inbound, plain_request_head
from gateway.front.plain_heads import PlainRequests
from gateway.upstream.messages import FieldLine, RequestHead, lines

PLAIN = PlainRequests(2**16, lambda _peer: False)


def head_bytes(*fields: FieldLine, method: str = "GET", target: str = "/") -> bytes:
    line = f"{method} {target} HTTP/1.1\r\n".encode("utf-8", "surrogateescape")
    return line + lines(fields) + b"\r\n"


def plainly(
    request: Inbound, met: SenderMemory, plain: PlainRequests = PLAIN
) -> RequestHead | None:
    """What goes to an instance for this request if the plain reader takes it, else None."""
    if request.authority is not None or request.version != (1, 1):
        return None
    data = head_bytes(*request.section.fields, method=request.method, target=request.target)
    length = request.section.body_length
    head = plain.read(data + b"x" * (length or 0), trusted=request.peer_trusted)
    if head is None:
        return None
    return plain_request_head(
        head.method,
        head.target,
        head,
        (request.peer, request.scheme, head.host, request.prefix),
        request.correlation_id,
        met,
    )
