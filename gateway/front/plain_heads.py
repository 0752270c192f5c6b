"""Reads ordinary requests in one pass: a head in which nothing is unusual, and all of its body.

It takes less than aiohttp's parser takes, and leaves everything else to that parser: other versions,
upgrades, transfer codings, expectations, bodies that are not whole yet, and whatever two readers could
read differently.
"""

import re
from collections.abc import Callable
from typing import Final

from aiohttp import HttpVersion11

from gateway.forwarding.fields import ANEW, DROP, PASS, TRUSTED, in_request
from gateway.forwarding.memories import FieldRules
from middlewares.header_section import CREDENTIAL_FIELDS, ReadSection, for_the_log
from middlewares.hygiene.content_length import content_length
from middlewares.hygiene.deciding import MOST_ELEMENTS, Version, is_host
from middlewares.trace_context import trace_id_in

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

#: What the reader does with a field, by its name; 0: it passes. From LISTS on, the gateway continues a list;
#: from HOST on, a second one is left to the parser.
PASSES, DROPPED, NOT_PLAIN, IF_TRUSTED, CONNECTION, CORRELATION_ID, REQUEST_TIMEOUT = range(7)
LIST, FORWARDED_FOR = range(7, 9)
HOST, LENGTH, USER_AGENT, TRACEPARENT = range(9, 13)
#: In the order of `CREDENTIAL_FIELDS`.
CREDENTIAL: Final = 13
OTHERS_ONCE: Final = CREDENTIAL + len(CREDENTIAL_FIELDS)
LISTS: Final = LIST

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


def _kind_beside_a_file(name: bytes) -> int:
    lower = name.lower()
    if lower == b"x-request-timeout":
        return REQUEST_TIMEOUT
    if lower in CREDENTIAL_FIELDS:
        return CREDENTIAL + CREDENTIAL_FIELDS.index(lower)
    # A service may read it as a credential, though it is none.
    return NOT_PLAIN if lower.replace(b"_", b"-") in CREDENTIAL_FIELDS else _kind_of(name)


class PlainHead(ReadSection):
    """A request that was read here: its header section, and the rest; `data` is the head as it came."""

    valid_in: Version | None = HttpVersion11
    keep_alive = True

    def __init__(
        self, method: str, target: str, block: bytes, data: bytes, body: bytes, *, trusted: bool
    ) -> None:
        self.method = method
        self.target = target
        self.block = block
        self.trusted = trusted
        self.data = data
        self.body = body


class PlainRequests:
    """One worker's reader of plain requests; `trusts` tells whether a peer is a trusted proxy.

    `has_file`: the gateway may shorten X-Request-Timeout and read credentials; otherwise they just pass.
    """

    def __init__(
        self, head_bytes: int, trusts: Callable[[str], bool], *, has_file: bool = False
    ) -> None:
        kind_of = _kind_beside_a_file if has_file else _kind_of
        self.fields = FieldRules("request_fields", kind_of)
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
        lines = block.splitlines()
        if end > self._most_bytes or len(lines) > MOST_FIELDS:
            return None
        head = PlainHead(
            method.decode("ascii"),
            target.decode("ascii"),
            block,
            data[:end],
            data[end:],
            trusted=trusted,
        )
        host: bytes | None = None
        user_agent: bytes | None = None
        traceparent: bytes | None = None
        length: int | None = None
        once: list[int] = []
        credentials: list[bytes] | None = None
        lists: dict[bytes, bytes] = {}
        elements = 0
        kinds = self.fields
        kinds.hits += len(lines)
        for line in tuple(lines):
            name, _, value = line.partition(b": ")
            kind = kinds[name]
            if not kind:
                continue
            if kind >= HOST:
                if kind == HOST:
                    if host is not None or not is_host(value):
                        return None
                    host = value
                elif kind == USER_AGENT:
                    if user_agent is not None:
                        return None
                    user_agent = value
                elif kind == TRACEPARENT:
                    if traceparent is not None:
                        return None
                    traceparent = value
                elif kind == LENGTH:
                    if length is not None or (length := content_length(value)) is None:
                        return None
                elif kind >= OTHERS_ONCE:
                    if kind in once:
                        return None
                    once.append(kind)
                else:
                    if credentials is None:
                        credentials = [b"", b"", b""]
                    elif credentials[kind - CREDENTIAL]:
                        return None
                    credentials[kind - CREDENTIAL] = line
                continue
            if kind == IF_TRUSTED and trusted:
                continue
            lines.remove(line)
            if kind >= LISTS:
                elements += value.count(b",") + 1
                if kind == FORWARDED_FOR:
                    head.forwarded_for += (value.decode("utf-8", "surrogateescape"),)
                which, value = name.lower(), value.strip(b", \t")
                if value:
                    lists[which] = lists[which] + b", " + value if which in lists else value
            elif kind == CORRELATION_ID:
                if head.claimed_id is None:
                    head.claimed_id = value.decode("utf-8", "surrogateescape")
            elif kind == CONNECTION:
                option = value.lower()
                if option == b"close":
                    head.keep_alive = False
                elif option != b"keep-alive":
                    return None
            elif kind == REQUEST_TIMEOUT:
                if head.request_timeout is not None:
                    return None
                head.request_timeout, head.timeout_line = value, line + b"\r\n"
            elif kind == NOT_PLAIN:
                return None
        if host is None or len(data) - end != (length or 0) or elements >= MOST_ELEMENTS:
            return None
        head.host = host
        if length is not None:
            head.body_length = length
        if user_agent is not None:
            head.user_agent = for_the_log(user_agent.decode("utf-8", "surrogateescape"))
        if traceparent is not None:
            head.trace_id = trace_id_in(traceparent)
        head.ready_lines = b"\r\n".join(lines)
        head.lists = lists
        if credentials is not None:
            head.credential_lines = credentials
        return head
