"""Reads ordinary requests in one pass: a head in which nothing is unusual, and all of its body.

It takes less than aiohttp's parser takes, and leaves everything else to that parser: other versions,
upgrades, transfer codings, expectations, bodies that are not whole yet, and whatever two readers could
read differently.
"""

import re
from collections.abc import Callable
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

REQUEST_LINE: Final = (
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!\x22\x24-\x7e]*+) HTTP/1\.1\r\n"
)
NAME: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
VALUE: Final = rb"(?![\t ])[\t\x20-\x7e\x80-\xff]*+(?<![\t ])"
#: No possessive group: before Python 3.11.5 it may end inside a line (python/cpython#106052).
_HEAD = re.compile(rb"%b((?:%b: %b\r\n)+)\r\n" % (REQUEST_LINE, NAME, VALUE))

#: What the reader does with a field, by its name. From LISTS on, the gateway continues a list; from ONCE on,
#: a second one is left to the parser.
PASSES, DROPPED, NOT_PLAIN, IF_TRUSTED, CONNECTION, CORRELATION_ID = range(6)
LIST, FORWARDED_FOR = range(6, 8)
HOST, LENGTH, USER_AGENT, TRACEPARENT, OTHERS_ONCE = range(8, 13)
LISTS: Final = LIST
ONCE: Final = HOST

_READ_HERE = {
    b"connection": CONNECTION,
    b"x-correlation-id": CORRELATION_ID,
    # Lists that the gateway continues.
    b"x-forwarded-for": FORWARDED_FOR,
    b"x-forwarded-proto": LIST,
    b"x-forwarded-host": LIST,
    b"via": LIST,
    b"host": HOST,
    b"content-length": LENGTH,
    b"user-agent": USER_AGENT,
    b"traceparent": TRACEPARENT,
    # aiohttp's parser refuses a second one.
    b"content-type": OTHERS_ONCE,
    b"content-location": OTHERS_ONCE + 1,
    b"content-range": OTHERS_ONCE + 2,
    b"etag": OTHERS_ONCE + 3,
    b"max-forwards": OTHERS_ONCE + 4,
    b"server": OTHERS_ONCE + 5,
    # The layers or the parser have more to do with these.
    **dict.fromkeys(
        b"transfer-encoding upgrade te expect proxy-connection sec-websocket-key1".split(),
        NOT_PLAIN,
    ),
}
_BY_RULE = {PASS: PASSES, DROP: DROPPED, ANEW: DROPPED, TRUSTED: IF_TRUSTED}


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


class PlainRequests:
    """One worker's reader of plain requests; `trusts` tells whether a peer is a trusted proxy."""

    def __init__(self, head_bytes: int, trusts: Callable[[str], bool]) -> None:
        self.fields = FieldRules("request_fields", _kind_of)
        self.trusts = trusts
        self._most_bytes = min(head_bytes, MOST_BYTES)

    def read(self, data: bytes, *, trusted: bool) -> PlainHead | None:
        """The request that these bytes are, the first to the last; None: the parser has to read them.

        `trusted`: it came from a trusted proxy.
        """
        match = _HEAD.match(data)
        if match is None:
            return None
        end = match.end()
        method, target, block = match.groups()
        lines = block.split(b"\r\n")
        lines.pop()
        if end > self._most_bytes or len(lines) > MOST_FIELDS:
            return None
        section = ReadSection(block, HttpVersion11, trusted=trusted)
        dropped: list[bytes] = []
        once: list[int] = []
        lists: dict[bytes, bytes] = {}
        length = elements = 0
        keep_alive = True
        kinds = self.fields
        kinds.hits += len(lines)
        for line in lines:
            name, _, value = line.partition(b": ")
            kind = kinds[name]
            if kind == PASSES:
                continue
            if kind >= ONCE:
                if kind in once:
                    return None
                once.append(kind)
                if kind == HOST:
                    if not is_host(value):
                        return None
                    section.host = value
                elif kind == USER_AGENT:
                    section.user_agent = for_the_log(value.decode("utf-8", "surrogateescape"))
                elif kind == TRACEPARENT:
                    section.trace_id = trace_id_of((value,))
                elif kind == LENGTH:
                    said = content_length(value)
                    if said is None:
                        return None
                    section.body_length = length = said
                continue
            if kind == IF_TRUSTED and trusted:
                continue
            dropped.append(line)
            if kind >= LISTS:
                elements += value.count(b",") + 1
                if kind == FORWARDED_FOR:
                    section.forwarded_for += (value.decode("utf-8", "surrogateescape"),)
                which, value = name.lower(), value.strip(b", \t")
                if value:
                    lists[which] = lists[which] + b", " + value if which in lists else value
            elif kind == CORRELATION_ID:
                if section.claimed_id is None:
                    section.claimed_id = value.decode("utf-8", "surrogateescape")
            elif kind == CONNECTION:
                option = value.lower()
                if option == b"close":
                    keep_alive = False
                elif option != b"keep-alive":
                    return None
            elif kind == NOT_PLAIN:
                return None
        if section.host is None or len(data) - end != length or elements >= MOST_ELEMENTS:
            return None
        for line in dropped:
            lines.remove(line)
        lines.append(b"")
        section.ready_lines = b"\r\n".join(lines)
        section.lists = lists
        return PlainHead(
            method.decode("ascii"),
            target.decode("ascii"),
            section,
            keep_alive,
            data[:end],
            data[end:],
        )
