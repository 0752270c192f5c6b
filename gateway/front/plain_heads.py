"""Reads ordinary requests in one pass: a head in which nothing is unusual, and all of its body.

It takes less than aiohttp's parser takes, and leaves everything else to that parser: other versions,
upgrades, transfer codings, expectations, bodies that are not whole yet, and whatever two readers could
read differently.
"""

import re
from typing import Final, NamedTuple

from aiohttp import HttpVersion11

from gateway.forwarding.fields import ANEW, DROP, PASS, TRUSTED, in_request
from gateway.forwarding.memories import FieldRules
from middlewares.header_section import ReadSection, for_the_log
from middlewares.hygiene.content_length import content_length
from middlewares.hygiene.deciding import MOST_ELEMENTS, is_host
from middlewares.trace_context import trace_id_of

#: Longer heads, and heads with more fields, are left to the parser, which has the limits.
MOST_BYTES: Final = 8 * 1024
MOST_FIELDS: Final = 100

_HEAD = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!\x22\x24-\x7e]*) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: (?![\t ])[\t\x20-\x7e\x80-\xff]*(?<![\t ])\r\n)+)\r\n"
)

#: What the reader does with a field, by its name.
PASSES, DROPPED, NOT_PLAIN, CONTINUED, IF_TRUSTED, ONCE = range(6)
HOST, LENGTH, CONNECTION, CORRELATION_ID, USER_AGENT, TRACEPARENT = range(6, 12)

_READ_HERE = {
    b"host": HOST,
    b"content-length": LENGTH,
    b"connection": CONNECTION,
    b"x-correlation-id": CORRELATION_ID,
    b"user-agent": USER_AGENT,
    b"traceparent": TRACEPARENT,
    # aiohttp's parser refuses a second one.
    **dict.fromkeys(
        b"content-type content-location content-range etag max-forwards server".split(), ONCE
    ),
    # The layers or the parser have more to do with these.
    **dict.fromkeys(
        b"transfer-encoding upgrade te expect proxy-connection sec-websocket-key1".split(),
        NOT_PLAIN,
    ),
}
_BY_RULE = {PASS: PASSES, DROP: DROPPED, ANEW: CONTINUED, TRUSTED: IF_TRUSTED}

#: Remembers what the reader does with each field, by its name as it is spelled.
RequestRules = FieldRules[int]


def request_rules() -> RequestRules:
    return FieldRules("request_fields", _kind_of)


def _kind_of(name: bytes) -> int:
    kind = _READ_HERE.get(name.lower())
    return _BY_RULE.get(in_request(name), NOT_PLAIN) if kind is None else kind


class PlainHead(NamedTuple):
    """A request that was read here; `data` is the head as it came."""

    method: str
    target: str
    section: ReadSection
    keep_alive: bool
    data: bytes
    body: bytes


def read_plain_head(data: bytes, rules: RequestRules, most_bytes: int) -> PlainHead | None:
    """The request that these bytes are, the first to the last; None: the parser has to read them."""
    match = _HEAD.match(data)
    if match is None:
        return None
    end = match.end()
    method, target, fields = match.groups()
    lines = fields.split(b"\r\n")
    lines.pop()
    if end > MOST_BYTES or end > most_bytes or len(lines) > MOST_FIELDS:
        return None
    section = ReadSection(lines, HttpVersion11)
    kept: list[bytes] = []
    keep = kept.append
    agent: bytes | None = None
    length: int | None = None
    keep_alive = True
    has_trace = False
    elements = 0
    once: list[bytes] = []
    rules.hits += len(lines)
    for line in lines:
        name, _, value = line.partition(b": ")
        kind = rules[name]
        if kind == PASSES:
            keep(line)
        elif kind == HOST:
            if section.host is not None or not is_host(value):
                return None
            section.host = value
            keep(line)
        elif kind == USER_AGENT:
            if agent is not None:
                return None
            agent = value
            section.user_agent = for_the_log(value.decode("utf-8", "surrogateescape"))
            keep(line)
        elif kind == CORRELATION_ID:
            if section.claimed_id is None:
                section.claimed_id = value.decode("utf-8", "surrogateescape")
        elif kind == TRACEPARENT:
            if has_trace:
                return None
            has_trace = True
            section.trace_id = trace_id_of((value,))
            keep(line)
        elif kind == CONNECTION:
            option = value.lower()
            if option == b"close":
                keep_alive = False
            elif option != b"keep-alive":
                return None
        elif kind == LENGTH:
            if length is not None or (length := content_length(value)) is None:
                return None
            section.body_length = length
            keep(line)
        elif kind == ONCE:
            lower = name.lower()
            if lower in once:
                return None
            once.append(lower)
            keep(line)
        elif kind == CONTINUED:
            elements += value.count(b",") + 1
            if elements >= MOST_ELEMENTS:
                return None
            _continue(section, name.lower(), value)
        elif kind == IF_TRUSTED:
            section.trusted_lines += line + b"\r\n"
        elif kind != DROPPED:
            return None
    if section.host is None or len(data) - end != (length or 0):
        return None
    keep(b"")
    section.ready_lines = b"\r\n".join(kept)
    return PlainHead(
        method.decode("ascii"),
        target.decode("ascii"),
        section,
        keep_alive,
        data[:end] if length else data,
        data[end:] if length else b"",
    )


def _continue(section: ReadSection, name: bytes, value: bytes) -> None:
    """Add a line to a list that the gateway continues, without empty elements at its ends."""
    if name == b"x-forwarded-for":
        section.forwarded_for += (value.decode("utf-8", "surrogateescape"),)
    elements = value.strip(b", \t")
    if elements:
        lists = section.lists = dict(section.lists or {})
        before = lists.get(name)
        lists[name] = elements if before is None else before + b", " + elements
