"""Changes the JSON in a request's body before an instance gets it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web

from middlewares.codings import is_readable
from middlewares.compress.deciding.fields import DIGESTS, strengthened
from middlewares.exchange import Exchange
from middlewares.failures import BadRequest, BodyTooLarge, ClientFailure, UnsupportedBody
from middlewares.head_changes import HeadChanges, merged
from middlewares.transform.bodies.counting import REQUEST, NotChangedCounts
from middlewares.transform.bodies.deciding.grammar import NotJson
from middlewares.transform.bodies.deciding.messages import (
    Described,
    FieldLine,
    Kind,
    asked_codings,
    described,
)
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.bodies.whole import (
    MOST_BYTES,
    NotChanged,
    Why,
    changed_whole,
    not_changed,
)
from middlewares.transform.deciding.variables import Values

#: Reads the request's body into the Exchange, if it has at most so many bytes.
ReadBody = Callable[[web.Request, Exchange, int], Awaitable[None]]

_CODING, _ACCEPT_ENCODING, _IF_MATCH = b"content-encoding", b"accept-encoding", b"if-match"
_RANGES: Final = frozenset((b"range", b"if-range"))
_CHANGED: Final = HeadChanges(removed=DIGESTS)
_CHANGED_AND_PLAIN: Final = HeadChanges(removed=DIGESTS | {_CODING})
_PLAIN: Final = HeadChanges(
    removed=frozenset([_ACCEPT_ENCODING]), added=b"Accept-Encoding: identity\r\n"
)


async def change_request(
    request: web.Request,
    exchange: Exchange,
    rules: BodyRules,
    values: Values,
    read: ReadBody,
    counts: NotChangedCounts,
) -> None:
    """Write the body that the instance gets into the Exchange. Raises ClientFailure if the rules refuse it."""
    if exchange.section.body_length == 0:
        return
    said = described(exchange.section.fields)
    if said.coding and rules.encoded is Encoded.SKIP:
        return
    passed: list[NotJson] = []
    try:
        changed = await _changed(request, exchange, rules, values, read, said, passed)
    except NotChanged as error:
        counts.add(exchange, REQUEST, error, refused=rules.refuses)
        if rules.refuses:
            raise _refusal(error) from None
        return
    if passed:
        counts.add(exchange, REQUEST, not_changed(passed[0]), refused=False)
    if changed is not None:
        exchange.changed_body = changed
        is_plain = said.coding and rules.encoded is Encoded.PLAIN
        changes = _CHANGED_AND_PLAIN if is_plain else _CHANGED
        exchange.changes = merged(exchange.changes, changes)


async def _changed(
    request: web.Request,
    exchange: Exchange,
    rules: BodyRules,
    values: Values,
    read: ReadBody,
    said: Described,
    passed: list[NotJson],
) -> bytes | None:
    kind, coding = said.kind, said.coding
    if kind is not Kind.WHOLE and kind is not Kind.LINES:
        raise NotChanged(Why.TYPE)
    if not said.is_utf8:
        raise NotChanged(Why.CHARSET)
    if coding and not is_readable(coding):
        raise NotChanged(Why.CODING)
    length = exchange.section.body_length
    if length is None or length <= MOST_BYTES:
        await read(request, exchange, MOST_BYTES)
    body = exchange.body if exchange.changed_body is None else exchange.changed_body
    if body is None:
        raise NotChanged(Why.TOO_LARGE)
    return await changed_whole(body, kind, coding, rules, values, passed) if body else None


def _refusal(error: NotChanged) -> ClientFailure:
    detail = f"the request's body can't be changed as configured: {error}"
    if error.seen:
        detail = f"{detail}; {error.seen}"
    match error.why:
        case Why.TOO_LARGE:
            return BodyTooLarge(detail)
        case Why.TYPE | Why.CHARSET | Why.CODING:
            return UnsupportedBody(detail)
    return BadRequest(detail)


def ask_whole(exchange: Exchange, rules: BodyRules) -> None:
    """Have the instance send whole answers, in codings that can be read here."""
    changes = _asked(exchange.section.fields, rules.encoded)
    if changes is not None:
        exchange.changes = merged(exchange.changes, changes)
    if rules.encoded is Encoded.PLAIN:
        exchange.changes = merged(exchange.changes, _PLAIN)


def _asked(fields: Sequence[FieldLine], encoded: Encoded) -> HeadChanges | None:
    removed: list[bytes] = []
    found: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        lower = name.lower()
        if lower in _RANGES:
            removed.append(lower)
        elif lower in (_ACCEPT_ENCODING, _IF_MATCH):
            found.setdefault(lower, []).append(value)
    replaced: dict[bytes, bytes] = {}
    if encoded is Encoded.REDO and _ACCEPT_ENCODING in found:
        accepted = b", ".join(found[_ACCEPT_ENCODING])
        asked = asked_codings(accepted)
        if asked != accepted:
            replaced[_ACCEPT_ENCODING] = asked
    # The tags that clients have are weak, and never match otherwise (RFC 9110, section 13.1.1).
    if _IF_MATCH in found and b"W/" in (tags := b", ".join(found[_IF_MATCH])):
        replaced[_IF_MATCH] = strengthened(tags)
    if not removed and not replaced:
        return None
    return HeadChanges(removed=frozenset(removed), replaced=replaced)
