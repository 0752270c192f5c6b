"""Cuts a client's bytes after each head and body, so that aiohttp's parser gets one thing at a time."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from discovery.model.errors import SettingsError
from middlewares.hygiene.content_length import content_length
from middlewares.hygiene.deciding import MOST_ELEMENTS

Messages = Sequence[tuple[RawRequestMessage, StreamReader]]

#: How many requests are read ahead. The parser's own limit of 32 must not be reached: if it pauses after an
#: upgrade, it loses the next bytes.
MOST_QUEUED = 16

#: Method and target of a request line, if a log can show them.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([^\s]+)")
_HEAD_END = b"\r\n\r\n"
_EMPTY_LINES = re.compile(rb"[\r\n]*")
#: The parser also takes RTSP, ICE, HTTP/0.9 and HTTP/2.0 for HTTP.
_SPOKEN = (b" HTTP/1.1", b" HTTP/1.0")


def require_extension() -> None:
    """Raise SettingsError on an aiohttp without its C extension.

    This module is made for its C parser and tested with it; the Python parser reads requests differently.
    """
    if HttpRequestParser is not HttpRequestParserPy:
        return
    what = "aiohttp is installed without its C extension"
    todo = "`pip install --force-reinstall --only-binary aiohttp aiohttp` brings it"
    if value := os.environ.get("AIOHTTP_NO_EXTENSIONS"):
        what = f"AIOHTTP_NO_EXTENSIONS={value!r}: aiohttp's C extension is switched off"
        todo = "unset it"
    raise SettingsError(f"{what}, and its parser in Python reads requests differently: {todo}")


class RequestReader:
    """Wraps aiohttp's request parser, has the same interface, and adds what the parser can't do.

    If the parser gets several requests at once, it drops everything after an unknown upgrade, and drops
    valid requests before an invalid one. So it gets `pieces`: a head, or the available part of a body. A
    request with a transfer coding, or a CONNECT, is a connection's last: the parser reads the last
    trailer as the next request's first field, and a CONNECT's body as a request; and RFC 9112 §6.3 wants
    the connection closed after a refused framing.

    At most `head_bytes` are kept of a head, of the bytes between two chunks, and of heads that are read
    ahead, because the parser limits only lines.
    """

    __slots__ = (
        *("_awaits_message", "_between", "_body_left", "_broken", "_head_bytes", "_head_size"),
        *("_head_tail", "_held", "_line", "_parser", "_payload", "_queued"),
        *("_queued_bytes", "_to_the_end", "_wrong_line"),
    )

    def __init__(self, parser: Any, head_bytes: int) -> None:
        self._parser = parser
        self._head_bytes = head_bytes
        #: The last head's beginning up to the first CRLF, and the head's length.
        self._line = bytearray()
        self._head_size = 0
        #: The last bytes of an incomplete head.
        self._head_tail = b""
        self._wrong_line = False
        #: Whether the parser has paused: it got a whole head and made no message of it.
        self._awaits_message = False
        self._held = b""
        self._queued = 0
        #: Bytes of the heads that were queued since the queue was empty.
        self._queued_bytes = 0
        self._body_left = 0
        #: Bytes of a chunked body since its last piece: extensions and trailers.
        self._between = 0
        #: Whether all further bytes are passed on uncut: chunks, or another protocol.
        self._to_the_end = False
        self._broken = False
        self._payload: StreamReader | None = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The pieces to feed now, one after the other; b"" lets a paused parser go on."""
        if self._awaits_message or not data:
            yield b""
        if self._held:
            data, self._held = self._held + data, b""
        at = 0
        while at < len(data) and not self._broken:
            if self._must_wait:
                self._held = data[at:]
                return
            end = self._end_of_piece(data, at)
            yield data[at:end] if at or end < len(data) else data
            at = end

    def feed_data(self, data: bytes) -> tuple[Messages, bool, bytes]:
        """Parse one piece. Raises HttpProcessingError if it is not valid."""
        try:
            if self._wrong_line:
                raise BadHttpMessage("this version of HTTP is not spoken here")
            if self._head_size > self._head_bytes:
                raise LineTooLong(bytes(self._line[:100]), self._head_bytes)
            messages, upgraded, tail = self._feed(data)
            if messages and not self._to_the_end:
                messages = [self._begin(*messages[0])]
                upgraded = upgraded or _asks_to_upgrade(*messages[0])
        except HttpProcessingError:
            self._broken = True
            self._break_off()
            raise
        if upgraded:
            self._to_the_end = True
        return messages, upgraded, tail

    def _feed(self, data: bytes) -> tuple[Messages, bool, bytes]:
        payload = self._payload
        if not self._to_the_end or payload is None or payload.is_eof():
            return self._parser.feed_data(data)  # type: ignore[no-any-return]
        if self._between > self._head_bytes:
            raise LineTooLong(b"", self._head_bytes)
        before = payload.total_bytes
        result = self._parser.feed_data(data)
        self._between = self._between + len(data) if payload.total_bytes == before else 0
        return result  # type: ignore[no-any-return]

    @property
    def is_broken(self) -> bool:
        """Whether invalid bytes came, after which nothing is read."""
        return self._broken

    @property
    def is_in_body(self) -> bool:
        """Whether the body of the last request is incomplete."""
        return self._payload is not None and not self._payload.is_eof()

    @property
    def refused(self) -> tuple[str, str] | None:
        """Method and target of the last request, if they are known."""
        read = _REQUEST_LINE.match(self._line)
        return (read[1].decode(), read[2].decode("utf-8", "replace")) if read else None

    def close(self) -> None:
        """Drop the parser, which refers to the connection."""
        self._parser = self._payload = None
        self._held = b""

    def set_upgraded(self, upgraded: bool) -> None:
        """Go on with HTTP, because the upgrade was declined."""
        self._parser.set_upgraded(upgraded)
        self._to_the_end = upgraded

    def feed_eof(self) -> None:
        self._parser.feed_eof()

    def pause_reading(self) -> None:
        self._parser.pause_reading()

    def message_consumed(self) -> None:
        self._queued = max(0, self._queued - 1)
        if not self._queued:
            self._queued_bytes = 0
        self._parser.message_consumed()

    @property
    def is_at_rest(self) -> bool:
        """Whether all that came was read and taken, so that another reader could go on from here."""
        return not (
            self._queued
            or self.is_in_body
            or self._held
            or self._head_tail
            or self._body_left
            or self._awaits_message
            or self._to_the_end
            or self._broken
        )

    @property
    def is_full(self) -> bool:
        """Whether a queued request must be taken before the next is read."""
        return self._is_queue_full and not self._body_left and not self._to_the_end

    @property
    def _is_queue_full(self) -> bool:
        return self._queued >= MOST_QUEUED or self._queued_bytes > self._head_bytes

    @property
    def _must_wait(self) -> bool:
        return self._awaits_message or self.is_full

    def _queue(self, head_size: int) -> None:
        self._queued += 1
        self._queued_bytes += head_size

    def _begin(
        self, message: RawRequestMessage, payload: StreamReader
    ) -> tuple[RawRequestMessage, StreamReader]:
        self._awaits_message = False
        self._queue(self._head_size)
        self._payload = payload
        if "Transfer-Encoding" in message.headers or message.method == "CONNECT":
            self._to_the_end = True
            return message._replace(should_close=True), payload
        field = message.headers.get("Content-Length")
        if field is not None:
            length = content_length(field.encode("utf-8", "surrogateescape"))
            if length is None:
                raise BadHttpMessage("the Content-Length is not valid")
            self._body_left = length
        if (payload is EMPTY_PAYLOAD) != (self._body_left == 0):
            raise BadHttpMessage("where the body ends is not clear")
        return message, payload

    def _break_off(self) -> None:
        """Tell the body's reader, which aiohttp does not do."""
        payload = self._payload
        if payload is not None and not payload.is_eof():
            payload.set_exception(web.RequestPayloadError("the request's body is not valid"))
            payload.feed_eof()  # nobody must wait for the rest

    def _end_of_piece(self, data: bytes, at: int) -> int:
        if self._to_the_end:
            return len(data)
        if self._body_left:
            end = min(at + self._body_left, len(data))
            self._body_left -= end - at
            return end
        if not self._head_tail and data[at] in b"\r\n":
            return _EMPTY_LINES.match(data, at).end()  # type: ignore[union-attr]  # it always does
        if not self._head_tail:
            self._line.clear()
            self._head_size = 0
        end = self._end_of_head(data, at)
        self._head_size += (end or len(data)) - at
        if not self._line.endswith(b"\r\n"):
            self._read_line(data, at, end or len(data))
        if not end:
            self._head_tail = (self._head_tail + data[at:])[-3:]
            return len(data)
        self._wrong_line = not self._line.endswith(_SPOKEN, 0, len(self._line) - 2)
        self._head_tail = b""
        self._awaits_message = True
        return end

    def _read_line(self, data: bytes, at: int, end: int) -> None:
        """Take the next part of the line; it may come byte by byte, so no byte is looked at twice."""
        line = self._line
        if line.endswith(b"\r") and data.startswith(b"\n", at):
            line += b"\n"
            return
        found = data.find(b"\r\n", at, end)
        line += data[at : end if found < 0 else found + 2]

    def _end_of_head(self, data: bytes, at: int) -> int:
        """Where the head that continues at `at` ends; 0: not in this data."""
        before = self._head_tail
        if before:
            found = (before + data[at : at + 3]).find(_HEAD_END)
            if found >= 0:
                return at + found + len(_HEAD_END) - len(before)
        found = data.find(_HEAD_END, at)
        return found + len(_HEAD_END) if found >= 0 else 0


def _asks_to_upgrade(message: RawRequestMessage, payload: StreamReader) -> bool:
    """Whether the bytes that follow must wait for the answer: they may be of a new protocol (RFC 9110 §7.8).

    The parser does that only for protocols that it knows. h2c is never switched to. A list with more than
    MOST_ELEMENTS is refused later, so its rest is not looked at.
    """
    headers = message.headers
    if "Upgrade" not in headers or payload is not EMPTY_PAYLOAD:
        return False
    asked = ",".join(headers.getall("Upgrade")).lower().split(",", MOST_ELEMENTS)
    options = ",".join(headers.getall("Connection", ())).lower().split(",", MOST_ELEMENTS)
    return any(one.strip() not in ("", "h2c") for one in asked) and any(
        one.strip() == "upgrade" for one in options
    )
