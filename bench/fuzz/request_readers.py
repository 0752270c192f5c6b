"""Reads requests with the plain reader, with two parsers, and in the careful way: all must say the same."""

import asyncio
from typing import Any

import httptools
from aiohttp import HttpVersion11
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

from bench.fuzz.answer_readers import differing
from discovery.model.instance import Instance
from gateway.forwarding.memories import sender_memory
from gateway.forwarding.requests import Inbound, plain_request_head, request_head
from gateway.front.plain_heads import PlainHead, PlainRequests
from middlewares.failures import Failure
from middlewares.header_section import HeaderSection

INSTANCE = Instance(name="price", id="p1", host="10.0.0.9", port=8002)
MOST_BYTES = 2**16
_READ_BY_LAYERS = ("host", "claimed_id", "forwarded_for", "user_agent", "trace_id", "body_length")


class Comparison:
    """Compares request after request; `plain` counts those that the plain reader took."""

    def __init__(self) -> None:
        self.plain = 0
        self._loop = asyncio.new_event_loop()
        self._protocol = BaseProtocol(self._loop)
        self._reader = PlainRequests(MOST_BYTES, lambda _peer: False)
        self._met = sender_memory()

    def close(self) -> None:
        self._loop.close()

    def difference(self, data: bytes) -> str:
        """What the others read otherwise in a request that the plain reader takes; "" if nothing."""
        plain, from_proxy = (self._reader.read(data, trusted=trusted) for trusted in (False, True))
        if plain is None and from_proxy is None:
            return ""
        self.plain += 1
        if plain is None or from_proxy is None:
            return "it is taken from some peers only"
        return self._aiohttps(data, plain, from_proxy) or _httptools(data, plain)

    def _aiohttps(self, data: bytes, plain: PlainHead, from_proxy: PlainHead) -> str:
        """What aiohttp's parser, the checks and the careful way read otherwise."""
        parser = HttpRequestParser(
            self._protocol,
            self._loop,
            2**16,
            max_line_size=MOST_BYTES,
            max_field_size=MOST_BYTES,
            max_headers=256,
            auto_decompress=False,
        )
        try:
            ((message, payload),), upgraded, tail = parser.feed_data(data)
        except (HttpProcessingError, ValueError) as error:
            return f"aiohttp's parser refuses it: {error!r}"
        if "#" in message.path:
            return "the checks refuse its target"
        section = HeaderSection(message.raw_headers)
        try:
            section.check(message.version)
        except Failure as failure:
            return f"the checks refuse it: {failure.detail}"
        body = payload.read_nowait() if payload.total_bytes else b""
        pairs: dict[str, tuple[Any, Any]] = {
            "method": (plain.method, message.method),
            "target": (plain.target, message.path),
            "version": (HttpVersion11, message.version),
            "keep-alive": (plain.keep_alive, not message.should_close),
            "fields": (tuple(plain.fields), tuple(message.raw_headers)),
            "body": (plain.body, body),
            "rest": ((False, b"", True), (upgraded, tail, payload.is_eof())),
            "chunked, upgrade": ((False, False), (message.chunked, message.upgrade)),
        }
        for name in _READ_BY_LAYERS:
            pairs[name] = (getattr(plain, name), getattr(section, name))
        for head in (plain, from_proxy):
            pairs[f"forwarded, trusted={head.trusted}"] = (
                self._forwarded(head),
                self._forwarded(head, section),
            )
        return differing(pairs)

    def _forwarded(self, plain: PlainHead, careful: HeaderSection | None = None) -> object:
        peer, prefix, its_id = "198.51.100.7", "/api/price", "the-id"
        method, target = plain.method, plain.target
        try:
            if careful is None:
                sender = (peer, "http", plain.host, prefix)
                head = plain_request_head(method, target, plain, sender, its_id, self._met)
            else:
                request = Inbound(
                    *(method, careful, (1, 1), peer, plain.trusted, "http", None),
                    *(target, prefix, its_id),
                )
                head = request_head(request, INSTANCE)
        except Failure as failure:
            return repr(failure)
        return head.length, head.data


class _Events:
    """What httptools' parser says of a request."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        #: It is known while the message ends.
        self.keep_alive: bool | None = None
        self.target = self.body = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.begun = self.ended = 0

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1
        self.keep_alive = self.parser.should_keep_alive()


def _httptools(data: bytes, plain: PlainHead) -> str:
    """What httptools' parser reads otherwise."""
    events = _Events()
    parser = events.parser
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        return f"httptools' parser refuses it: {error!r}"
    return differing(
        {
            "httptools' method": (plain.method, parser.get_method().decode("ascii")),
            "httptools' target": (plain.target, events.target.decode("latin-1")),
            "httptools' version": ("1.1", parser.get_http_version()),
            "httptools' keep-alive": (plain.keep_alive, events.keep_alive),
            "httptools' upgrade": (False, parser.should_upgrade()),
            "httptools' fields": (list(plain.fields), events.fields),
            "httptools' body": (plain.body, events.body),
            "httptools' messages": ((1, 1), (events.begun, events.ended)),
        }
    )
