"""Reads answers with the reader of plain heads and with two parsers: all must say the same.

Lines that are ready for the client are compared with the careful way's.
"""

import asyncio
import re
from dataclasses import dataclass
from random import Random
from typing import Any

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpResponseParser

from bench.fuzz.answers import Case, cut
from gateway.forwarding.plain_answers import PlainAnswers
from gateway.forwarding.responses import _careful
from gateway.upstream.messages import End, Invalid, ResponseHead
from gateway.upstream.response_reader import ResponseReader

HEAD_BYTES = 64 * 1024


@dataclass(slots=True)
class Reading:
    """What a reader says of an answer."""

    heads: list[ResponseHead]
    body: bytes = b""
    end: End | None = None
    surplus: bool = False
    invalid: bool = False
    #: Whether the parser had to read on in a body in chunks behind a plain head.
    is_parsed: bool = False

    def __str__(self) -> str:
        heads = [(one.status, one.phrase, list(one.fields), one.length) for one in self.heads]
        return f"{heads} {self.body!r} {self.end} {self.surplus} {self.invalid}"


class Comparison:
    """Compares answer after answer; `plain` counts those whose head needed no parser."""

    def __init__(self, rng: Random) -> None:
        """`rng` says in which pieces an answer comes."""
        self.plain = 0
        self._rng = rng
        self._plain_answers = PlainAnswers()
        self._loop = asyncio.new_event_loop()
        self._protocol = BaseProtocol(self._loop)

    def close(self) -> None:
        self._loop.close()

    def difference(self, data: bytes) -> str:
        """How the readings of an answer differ; "" if they do not, or if it is not plain."""
        case = cut(self._rng, data)
        if self._plain_answers.read(case.pieces[0]) is None:
            return ""  # the parser alone reads it
        self.plain += 1
        wrong = self._difference(case)
        return f"{case}: {wrong}" if wrong else ""

    def _difference(self, case: Case) -> str:
        parsed = read(ResponseReader(HEAD_BYTES), case)
        quick = read(ResponseReader(HEAD_BYTES, self._plain_answers.read), case)
        ready = quick.heads[-1].ready_lines
        if str(quick) != str(parsed):
            return f"{quick} instead of {parsed}"
        careful = _careful(parsed.heads[-1], frozenset(), without_cors=False, trailers=False)
        if ready and _spaced(ready) != _spaced(careful):
            return f"{ready!r} instead of {careful!r}"
        return self._aiohttps(case, quick)

    def _aiohttps(self, case: Case, quick: Reading) -> str:
        """What aiohttp's parser reads otherwise in an answer with a plain head."""
        data = b"".join(case.pieces)
        body_at = data.index(b"\r\n\r\n") + 4
        parser = HttpResponseParser(
            self._protocol,
            self._loop,
            HEAD_BYTES,
            max_line_size=HEAD_BYTES,
            max_field_size=HEAD_BYTES,
            max_headers=256,
            response_with_body=case.method != "HEAD",
            auto_decompress=False,
        )
        try:
            ((message, payload),), _, _ = parser.feed_data(data[:body_at])
        except (HttpProcessingError, ValueError) as error:
            return f"aiohttp's parser refuses the head: {error!r}"
        (head,) = quick.heads
        pairs: dict[str, tuple[Any, Any]] = {
            "status": (head.status, message.code),
            "phrase": (head.phrase, message.reason.encode("utf-8", "surrogateescape")),
            "fields": (list(head.fields), list(message.raw_headers)),
            "chunked": (head.chunked, message.chunked),
        }
        is_whole = quick.end is not None and quick.end.reusable and not quick.surplus
        if is_whole and not quick.is_parsed:  # it would also read what comes behind the answer
            try:
                parser.feed_data(data[body_at:])
            except (HttpProcessingError, ValueError) as error:
                return f"aiohttp's parser refuses the body: {error!r}"
            body = b"".join(payload._buffer) if payload.total_bytes else b""
            pairs["connection"] = (False, message.should_close)
            pairs["body"] = ((quick.body, True), (body, payload.is_eof()))
        return differing(pairs)


def read(reader: ResponseReader, case: Case) -> Reading:
    """Read a case as a connection does."""
    reader.begin(case.method)
    reading = Reading([])
    for piece in case.pieces:
        if reading.end is not None or reading.invalid:
            reading.surplus = reading.end is not None
            break
        for said in reader.feed(memoryview(piece)):
            if isinstance(said, bytes):
                reading.body += said
            elif isinstance(said, ResponseHead):
                reading.heads.append(said)
            elif isinstance(said, Invalid):
                reading.invalid = True
            else:
                reading.end = said
    if case.ends and reading.end is None and not reading.invalid:
        reading.end = reader.finish()
    reading.is_parsed = getattr(reader._rest, "_is_parsed", False)
    reader.close()
    return reading


def _spaced(lines: bytes) -> bytes:
    """The lines with one space before each value and none behind."""
    return re.sub(rb"(\r\n[^:\r\n]+):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", rb"\1: \2", lines)


def differing(pairs: dict[str, tuple[Any, Any]]) -> str:
    """The pairs that are not equal."""
    return "; ".join(f"{what}: {a!r}, not {b!r}" for what, (a, b) in pairs.items() if a != b)
