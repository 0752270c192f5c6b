"""The layer that holds requests against the document of their service, and answers where that is asked for."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.bodies import Sink
from middlewares.codings import Decoder, NotDecoded, is_readable
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import BodyTooLarge, InvalidRequest
from middlewares.validate.answers import AnswerCheck, AnswerSink
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.deciding.bodies import TooDeep, TooMany
from middlewares.validate.deciding.documents import Document
from middlewares.validate.deciding.operations import Asked, Operation
from middlewares.validate.deciding.unfit import Unfit
from middlewares.validate.policy import ValidatePolicy
from middlewares.validate.reporting import Reports
from middlewares.validate.sent_fields import SentFields
from middlewares.validate.shelf import Shelf

#: The largest body that is read.
MOST_BODY_BYTES = 1024 * 1024
_IDENTITY = (b"", b"identity")

#: Reads the body into the Exchange if it is not larger than so many bytes.
ReadBody = Callable[[web.Request, Exchange, int], Awaitable[None]]
#: The target that the service sees.
TargetOf = Callable[[Exchange], str]
#: Has the body of an instance's answer read by a sink; does nothing for an answer of the gateway's own.
ReadAnswer = Callable[
    [web.StreamResponse, Callable[[int, Sequence[tuple[bytes, bytes]]], Sink | None]], None
]


class Means(NamedTuple):
    """What the layer needs of the front and of the worker."""

    shelf: Shelf
    counts: ValidationCounts
    reports: Reports
    read_body: ReadBody
    read_answer: ReadAnswer
    target_of: TargetOf


class Verdict(NamedTuple):
    """What one document says of a request."""

    outcome: str
    unfit: Sequence[Unfit] = ()
    operation: Operation | None = None
    document: Document | None = None


_NO_DOCUMENT = Verdict("no_document")
_UNKNOWN_PATH = Verdict("unknown_path")
#: The outcomes that refuse a request, unless another version takes it, by what the policy says.
_REFUSED_BY = {
    "unknown_path": "unknown_paths",
    "too_large": "unchecked",
    "encoded": "unchecked",
    "too_deep": "unchecked",
    "too_many": "unchecked",
    "failed": "unchecked",
}


def validate_middleware(means: Means) -> Middleware:
    """Refuse requests that no version that they may get would take, or only report them.

    Raises InvalidRequest, and BodyTooLarge for what is too large to be checked.
    """

    @web.middleware
    def validate(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        route = request[EXCHANGE].route
        if route is None or route.policy.validate is None:
            return handler(request)
        return hold(request, handler, route.policy.validate)

    async def hold(
        request: web.Request, handler: Handler, policy: ValidatePolicy
    ) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        route = exchange.route
        assert route is not None, "the route layer comes before"
        verdict = await _verdict(request, exchange, route.service, policy, means)
        means.counts.requests[route.service, verdict.outcome] += 1
        if verdict.unfit:
            means.reports.request(
                route.id, route.service, verdict.operation, verdict.document, verdict.unfit
            )
        if policy.mode == "enforce" and _is_refused(verdict, policy):
            raise _refusal(verdict)
        answer = await handler(request)
        if policy.responses:
            check = AnswerCheck(
                route.id, route.service, verdict.operation, means.counts, means.reports
            )
            _watch(answer, exchange, request.method, policy, check, means)
        return answer

    return validate


async def _verdict(
    request: web.Request, exchange: Exchange, service: str, policy: ValidatePolicy, means: Means
) -> Verdict:
    """What the documents say of the versions that the request may get: the kindest of them counts."""
    versions = means.shelf.of(service, exchange.ranges, formats=policy.formats)
    if not versions:
        return _NO_DOCUMENT
    path, _, query = means.target_of(exchange).partition("?")
    fields = SentFields(exchange)
    refused: Verdict | None = None
    for version in versions:
        verdict = _NO_DOCUMENT
        if version.document is not None:
            match = version.document.find(request.method, path)
            verdict = _UNKNOWN_PATH
            if match is not None:
                verdict = await _held(
                    request, exchange, service, match.operation, match.values, query, fields, means
                )
                verdict = verdict._replace(document=version.document)
        if not _is_refused(verdict, policy):
            return verdict
        refused = refused or verdict
    assert refused is not None, "there is a version"
    return refused


async def _held(
    request: web.Request,
    exchange: Exchange,
    service: str,
    operation: Operation,
    values: dict[str, str],
    query: str,
    fields: SentFields,
    means: Means,
) -> Verdict:
    body, outcome = None, "valid"
    has_body = exchange.section.body_length != 0 or bool(exchange.changed_body)
    content = operation.content
    if content is not None and has_body and content.reads(fields):
        if exchange.changed_body is None:
            await means.read_body(request, exchange, MOST_BODY_BYTES)
        body = exchange.body if exchange.changed_body is None else exchange.changed_body
        if body is None or len(body) > MOST_BODY_BYTES:
            body, outcome = None, "too_large"
        else:
            body, outcome = _decoded(body, fields(b"content-encoding"))
        has_body = body is None or bool(body)
    try:
        unfit = operation.check(Asked(query, fields, body, has_body), values)
    except TooMany:
        return Verdict("too_many", operation=operation)
    except TooDeep:
        return Verdict("too_deep", operation=operation)
    except Exception:  # noqa: BLE001  # a mistake here must break no request
        means.reports.failed(service, operation)
        return Verdict("failed", operation=operation)
    return Verdict("invalid" if unfit else outcome, unfit, operation)


def _decoded(body: bytes, codings: Sequence[bytes]) -> tuple[bytes | None, str]:
    """The body without its content coding, or why it can't be checked."""
    coding = b",".join(codings).strip(b" \t").lower()
    if coding in _IDENTITY:
        return body, "valid"
    if not is_readable(coding):
        return None, "encoded"
    decoder, made = Decoder(coding), bytearray()
    try:
        for piece in decoder.slices(body):
            made += piece
            if len(made) > MOST_BODY_BYTES:
                return None, "too_large"
        decoder.end()
    except NotDecoded:
        return None, "encoded"
    return bytes(made), "valid"


def _is_refused(verdict: Verdict, policy: ValidatePolicy) -> bool:
    key = _REFUSED_BY.get(verdict.outcome)
    return verdict.outcome == "invalid" if key is None else getattr(policy, key) == "refuse"


def _refusal(verdict: Verdict) -> InvalidRequest | BodyTooLarge:
    match verdict.outcome:
        case "unknown_path":
            return InvalidRequest("the service describes no such path with this method")
        case "too_large":
            return BodyTooLarge(f"a body of more than {MOST_BODY_BYTES} bytes can't be checked")
        case "encoded":
            expected = {"in": "header", "name": "Content-Encoding", "expected": "none, or gzip"}
            return InvalidRequest("the body's content coding can't be undone", [expected])
        case "failed":
            return InvalidRequest("the request can't be checked")
        case "too_many":
            return InvalidRequest("the body has too many values to be checked")
        case "too_deep":
            return InvalidRequest("the body is nested too deeply to be checked")
    unfit = verdict.unfit
    more = f", and {len(unfit) - 1} more" if len(unfit) > 1 else ""
    detail = f"the request is not as the service describes it: {unfit[0]}{more}"
    return InvalidRequest(detail, [one.describe() for one in unfit])


def _watch(
    answer: web.StreamResponse,
    exchange: Exchange,
    method: str,
    policy: ValidatePolicy,
    check: AnswerCheck,
    means: Means,
) -> None:
    """Have the answer read beside the client, against the document of the version that gave it."""
    route = exchange.route
    assert route is not None, "the route layer comes before"
    if not exchange.attempts:
        return
    document = means.shelf.of_instance(
        route.service, exchange.attempts[-1].instance_id, formats=policy.formats
    )
    if document is None:
        check.tell("no_document")
        return
    path = means.target_of(exchange).partition("?")[0]
    match = document.find(method, path)

    def sink(status: int, fields: Sequence[tuple[bytes, bytes]]) -> Sink | None:
        operation = None if match is None else match.operation
        return AnswerSink.of(check, operation, document, method, status, fields)

    means.read_answer(answer, sink)
