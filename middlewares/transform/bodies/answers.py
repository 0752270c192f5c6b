"""Changes the JSON in the body of an instance's answer before the client gets it."""

from collections.abc import Sequence

from aiohttp import web

from middlewares.changed_bodies import WholeBody, read_whole
from middlewares.codings import is_readable
from middlewares.compress.deciding.fields import DIGESTS, weakened, without_digests
from middlewares.exchange import Exchange
from middlewares.failures import TransformFailed
from middlewares.proxied_answers import ProxiedAnswer
from middlewares.transform.bodies.counting import ANSWER, NotChangedCounts
from middlewares.transform.bodies.deciding.messages import (
    Described,
    FieldLine,
    Kind,
    changed_fields,
    described,
)
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.bodies.streamed import StreamedBody, Tell
from middlewares.transform.bodies.whole import MOST_BYTES, NotChanged, Why, changed_whole
from middlewares.transform.deciding.variables import Values

_NO_CONTENT, _PARTIAL, _NOT_MODIFIED = 204, 206, 304


async def change_answer(
    request: web.Request,
    exchange: Exchange,
    answer: ProxiedAnswer,
    rules: BodyRules,
    values: Values,
    counts: NotChangedCounts,
) -> None:
    """Give the answer another body and the fields that are true of it. Raises TransformFailed if the rules
    refuse it.
    """
    status, fields = answer.answered, answer.field_lines
    said = described(fields)
    if status == _NOT_MODIFIED:
        # What the client keeps has come through here, and has a weak tag, if it was changed.
        if said.kind is not None or not said.has_type:
            answer.change_head(weakened([one for one in fields if one[0].lower() not in DIGESTS]))
        return
    if status < 200 or status == _NO_CONTENT or said.kind is None:
        return
    if said.coding and rules.encoded is Encoded.SKIP:
        return

    def tell(error: NotChanged, refused: bool) -> None:
        counts.add(exchange, ANSWER, error, refused=refused)

    try:
        await _change(request, answer, fields, said, rules, values, tell)
    except NotChanged as error:
        counts.add(exchange, ANSWER, error, refused=rules.refuses)
        if rules.refuses:
            raise TransformFailed(
                f"the answer of the service can't be changed as configured: {error}",
                evidence=error.seen,
            ) from None


async def _change(
    request: web.Request,
    answer: ProxiedAnswer,
    before: Sequence[FieldLine],
    said: Described,
    rules: BodyRules,
    values: Values,
    tell: Tell,
) -> None:
    kind, coding = said.kind, said.coding
    assert kind is not None, "bodies without JSON pass"
    if not said.is_utf8:
        raise NotChanged(Why.CHARSET)
    decoded = bool(coding) and rules.encoded is Encoded.PLAIN
    if request.method == "HEAD":
        answer.change_body(WholeBody(b""), None, changed_fields(before, decoded=decoded))
        return
    if answer.answered == _PARTIAL or kind is Kind.PARTS:
        raise NotChanged(Why.PART)
    if coding and not is_readable(coding):
        raise NotChanged(Why.CODING)
    if kind is not Kind.WHOLE:
        body = StreamedBody(answer.body_for_change(), kind, coding, rules, values, tell)
        answer.change_body(body, None, changed_fields(before, decoded=decoded))
        return
    length = answer.announced_length
    if length == 0:
        return
    if length is not None and length > MOST_BYTES:
        raise NotChanged(Why.TOO_LARGE)
    source = answer.body_for_change()
    whole = await read_whole(source, MOST_BYTES)
    if not isinstance(whole, bytes):
        answer.change_body(whole, length)
        raise NotChanged(Why.TOO_LARGE)
    trailers = source.trailers
    try:
        changed = await changed_whole(whole, kind, coding, rules, values, []) if whole else None
    except NotChanged:
        answer.change_body(WholeBody(whole, trailers), _length_of(whole, trailers=bool(trailers)))
        raise
    if changed is None:
        answer.change_body(WholeBody(whole, trailers), _length_of(whole, trailers=bool(trailers)))
        return
    trailers = tuple(without_digests(trailers))
    length = _length_of(changed, trailers=bool(trailers))
    fields = changed_fields(before, decoded=decoded)
    answer.change_body(WholeBody(changed, trailers), length, fields)


def _length_of(body: bytes, *, trailers: bool) -> int | None:
    """The length to announce; trailers come only behind a body without one."""
    return None if trailers else len(body)
