"""Requests as the plain reader has them."""

from dataclasses import replace

from gateway.forwarding.requests import Inbound
from gateway.front.plain_heads import RequestRules, read_plain_head, request_rules
from gateway.upstream.messages import FieldLine, lines

RULES = request_rules()


def head_bytes(*fields: FieldLine, method: str = "GET", target: str = "/") -> bytes:
    line = f"{method} {target} HTTP/1.1\r\n".encode("utf-8", "surrogateescape")
    return line + lines(fields) + b"\r\n"


def read_plainly(request: Inbound, rules: RequestRules = RULES) -> Inbound | None:
    """The same request, read by the plain reader; None: it leaves it to the parser."""
    if request.authority is not None or request.version != (1, 1):
        return None
    data = head_bytes(*request.section.fields, method=request.method, target=request.target)
    length = request.section.body_length
    head = read_plain_head(data + b"x" * (length or 0), rules, 2**16)
    return None if head is None else replace(request, section=head.section)
