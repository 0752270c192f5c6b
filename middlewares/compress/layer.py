"""The layer that compresses answers for clients that accept it."""

import re
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.bodies import AnswerBody
from middlewares.changed_bodies import WholeBody
from middlewares.codings import encoder
from middlewares.compress.body import STEP_BYTES, CompressedBody, compressed_whole
from middlewares.compress.counting import CompressCounts
from middlewares.compress.deciding.accepting import IDENTITY, chosen
from middlewares.compress.deciding.fields import (
    FieldLine,
    compressed,
    holds_compressed,
    says_no_transform,
    seen,
    strengthened,
    varied,
    weakened,
    without_digests,
)
from middlewares.compress.deciding.judging import NOT_MODIFIED, is_of_one_that_may, may_compress
from middlewares.compress.policy import CompressPolicy
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.head_changes import HeadChanges, merged
from middlewares.header_section import HeaderSection, ReadSection
from middlewares.memory import Memory
from middlewares.proxied_answers import ProxiedAnswer, proxied

#: A body of known length up to this is compressed before its head is sent, so that its length is known again.
WHOLE_BYTES: Final = 2 * STEP_BYTES
#: While so many bodies are under way, further ones get small encoders: slow clients hold theirs for long.
MOST_LARGE: Final = 100
_ACCEPT_ENCODING, _CACHE_CONTROL = b"accept-encoding", b"cache-control"
_IF_MATCH, _IF_NONE_MATCH = b"if-match", b"if-none-match"
_READ: Final = frozenset((_ACCEPT_ENCODING, _CACHE_CONTROL, _IF_MATCH, _IF_NONE_MATCH))
_LINES = re.compile(
    rb"^(accept-encoding|cache-control|if-match|if-none-match):[ \t]*+([^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
#: Clients send few different values of Accept-Encoding.
_VALUES, _VALUE_BYTES = 256, 256


def compress_middleware(counts: CompressCounts) -> Middleware:
    """Compress the answers of routes with `compress`: those of instances, those that are kept, and our own."""
    met: Memory[tuple[bytes, tuple[bytes, ...]], bytes] = Memory(
        "accept_encoding", entries=_VALUES, entry_bytes=_VALUE_BYTES
    )

    @web.middleware
    def compress(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        policy = None if exchange.route is None else exchange.route.policy.compress
        if policy is None:
            return handler(request)
        return answered(request, handler, exchange, policy)

    async def answered(
        request: web.Request, handler: Handler, exchange: Exchange, policy: CompressPolicy
    ) -> web.StreamResponse:
        asked = _asked(exchange.section)
        if b"W/" in (if_match := asked.get(_IF_MATCH, b"")):
            ours = HeadChanges(replaced={_IF_MATCH: strengthened(if_match)})
            exchange.changes = merged(exchange.changes, ours)
        coding = accepted(asked, policy)
        response = await handler(request)
        answer = proxied(response)
        if answer is not None:
            await of_instance(request, exchange, policy, asked, coding, answer)
        elif isinstance(response, web.Response) and not response.prepared:
            await own(policy, coding, response, counts)
        return response

    def accepted(asked: Mapping[bytes, bytes], policy: CompressPolicy) -> bytes:
        value = asked.get(_ACCEPT_ENCODING)
        if value is None or says_no_transform(asked.get(_CACHE_CONTROL, b"")):
            return IDENTITY
        key = (value, policy.encodings)
        coding = met.recall(key)
        if coding is None:
            coding = met.keep(key, chosen(value, policy.encodings), len(value))
        return coding

    async def of_instance(
        request: web.Request,
        exchange: Exchange,
        policy: CompressPolicy,
        asked: Mapping[bytes, bytes],
        coding: bytes,
        answer: ProxiedAnswer,
    ) -> None:
        fields, length = answer.field_lines, answer.announced_length
        found, status = seen(fields), answer.answered
        if not may_compress(policy, status, found, length, streams_events=answer.streams_events):
            if not is_of_one_that_may(policy, status, found):
                return
            if status == NOT_MODIFIED:
                holds = holds_compressed(asked.get(_IF_NONE_MATCH), found.etag)
                if coding is not IDENTITY if holds is None else holds:
                    fields = weakened(fields)
            answer.change_head(varied(fields, found))
        elif coding == IDENTITY:
            answer.change_head(varied(fields, found))
        elif request.method == "HEAD":
            answer.change_body(WholeBody(b""), None, compressed(fields, found, coding))
        else:
            changed = compressed(fields, found, coding)
            await put_compressed(exchange, policy, coding, answer, changed)

    async def put_compressed(
        exchange: Exchange,
        policy: CompressPolicy,
        coding: bytes,
        answer: ProxiedAnswer,
        fields: Sequence[FieldLine],
    ) -> None:
        streams = answer.streams_events
        is_small = streams or counts.under_way >= MOST_LARGE
        encode = encoder(coding, policy.level(coding), is_small=is_small)
        length = answer.announced_length
        source: AnswerBody = answer.body_for_change()
        if length is not None and length <= WHOLE_BYTES and source.is_complete():
            trailers = tuple(without_digests(source.trailers))
            plain = source.rest()
            body = await compressed_whole(plain, encode)
            counts.add(coding, len(plain), len(body))
            answer.change_body(WholeBody(body, trailers), len(body), fields)
            return
        piecewise = CompressedBody(
            source, encode, flushes_each=streams, tell=partial(counts.ended, coding)
        )
        counts.under_way += 1
        exchange.held.append(piecewise)
        answer.change_body(piecewise, None, fields)

    return compress


async def own(
    policy: CompressPolicy, coding: bytes, response: web.Response, counts: CompressCounts
) -> None:
    """Compress an answer that the gateway makes itself."""
    body = response.body
    if not isinstance(body, bytes):
        return
    fields = [
        (name.encode(), value.encode("utf-8", "surrogateescape"))
        for name, value in response.headers.items()
    ]
    found = seen(fields)
    if not may_compress(policy, response.status, found, len(body), streams_events=False):
        return
    changed = varied(fields, found)
    if coding != IDENTITY:
        made = await compressed_whole(body, encoder(coding, policy.level(coding)))
        response.body = made
        counts.add(coding, len(body), len(made))
        changed = compressed(fields, found, coding)
    response.headers.clear()
    response.headers.extend(
        (name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in changed
    )


def _asked(section: HeaderSection) -> dict[bytes, bytes]:
    """The values of the request's fields that are read here; several lines are joined."""
    if isinstance(section, ReadSection):  # most are, and are not taken apart for this
        fields: Iterable[FieldLine] = _LINES.findall(section.block)
    else:
        fields = section.fields
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        if (lower := name.lower()) in _READ:
            value = value.rstrip(b" \t")
            before = found.get(lower)
            found[lower] = value if before is None else before + b", " + value
    return found
