"""The table from failures to status and reason, and their problem documents (RFC 9457)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from aiohttp import web
from multidict import CIMultiDict

from middlewares import failures
from middlewares.failures import Failure


class Problem(NamedTuple):
    """What a client sees of a failure: the HTTP status and the stable `reason`."""

    status: int
    reason: str


PROBLEMS: dict[type[Failure], Problem] = {
    failures.BadRequest: Problem(400, "bad_request"),
    failures.AmbiguousPath: Problem(400, "ambiguous_path"),
    failures.InvalidRequest: Problem(400, "invalid_request"),
    failures.Unauthorized: Problem(401, "unauthorized"),
    failures.Forbidden: Problem(403, "forbidden"),
    failures.RouteNotFound: Problem(404, "route_not_found"),
    failures.ServiceUnknown: Problem(404, "service_not_found"),
    failures.InstanceUnknown: Problem(404, "instance_not_found"),
    failures.KeyUnknown: Problem(404, "key_not_found"),
    failures.SplitUnknown: Problem(404, "split_not_found"),
    failures.NoConfiguration: Problem(404, "no_configuration"),
    failures.VersionConflict: Problem(400, "version_conflict"),
    failures.VersionNotFound: Problem(404, "version_not_found"),
    failures.MethodNotAllowed: Problem(405, "method_not_allowed"),
    failures.RequestTimeout: Problem(408, "request_timeout"),
    failures.OneProcess: Problem(409, "one_process"),
    failures.VersionGone: Problem(410, "version_gone"),
    failures.BodyTooLarge: Problem(413, "body_too_large"),
    failures.UnsupportedBody: Problem(415, "unsupported_body"),
    failures.ExpectationFailed: Problem(417, "expectation_failed"),
    failures.RateLimited: Problem(429, "rate_limited"),
    failures.HeaderTooLarge: Problem(431, "header_too_large"),
    failures.UpstreamUnreachable: Problem(502, "upstream_unreachable"),
    failures.UpstreamReset: Problem(502, "upstream_reset"),
    failures.UpstreamInvalid: Problem(502, "upstream_invalid"),
    failures.TransformFailed: Problem(502, "transform_failed"),
    failures.PartFailed: Problem(502, "part_failed"),
    failures.NoHealthyInstance: Problem(503, "no_healthy_instance"),
    failures.AuthUnavailable: Problem(503, "auth_unavailable"),
    failures.Overloaded: Problem(503, "overloaded"),
    failures.CircuitOpen: Problem(503, "circuit_open"),
    failures.ShuttingDown: Problem(503, "shutting_down"),
    failures.MasterAway: Problem(503, "master_away"),
    failures.RegistryAway: Problem(503, "registry_unavailable"),
    failures.NoView: Problem(503, "no_view"),
    failures.DependencyUnavailable: Problem(503, "dependency_unavailable"),
    failures.OnlyIfCached: Problem(504, "only_if_cached"),
    failures.UpstreamTimeout: Problem(504, "upstream_timeout"),
    failures.LoopDetected: Problem(508, "loop_detected"),
    Failure: Problem(500, "internal_error"),
}

#: The reasons of refusals that aiohttp itself raises, by status.
REASONS_BY_STATUS: dict[int, str] = {
    400: "bad_request",
    403: "forbidden",
    404: "route_not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    417: "expectation_failed",
    431: "header_too_large",
}


_NONE: Mapping[str, Any] = {}

Problems = Mapping[type[Failure], Problem]


def problem_of(failure: Failure, table: Problems = PROBLEMS) -> Problem:
    """Look up the failure's type, or its nearest parent, in the table."""
    for kind in type(failure).__mro__:
        if kind in table:
            return table[kind]
    raise AssertionError("Failure itself is in the table")


def problem_document(problem: Problem, detail: str, correlation_id: str) -> dict[str, Any]:
    """Make the document, its members in the contract's order."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": detail,
        "reason": problem.reason,
        "correlation_id": correlation_id,
    }


def problem_response(
    problem: Problem,
    detail: str,
    correlation_id: str,
    headers: Iterable[tuple[str, str]] = (),
    members: Mapping[str, Any] = _NONE,
) -> web.Response:
    """Make an answer of the document; `members` stand in it behind the usual ones."""
    return web.Response(
        status=problem.status,
        body=orjson.dumps({**problem_document(problem, detail, correlation_id), **members}),
        content_type="application/problem+json",
        headers=CIMultiDict(headers),
    )


def failure_response(
    failure: Failure, problem: Problem, detail: str, correlation_id: str
) -> web.Response:
    """Make an answer to a failure, with the fields that its type needs."""
    fields = _fields_of(failure)
    return problem_response(problem, detail, correlation_id, fields, failure.members)


def _fields_of(failure: Failure) -> Iterable[tuple[str, str]]:
    retry_after_s = getattr(failure, "retry_after_s", None)
    if retry_after_s is not None:
        return [("Retry-After", str(retry_after_s))]
    if isinstance(failure, failures.MethodNotAllowed):
        return [("Allow", ", ".join(failure.allowed))]
    if isinstance(failure, failures.Unauthorized | failures.Forbidden):
        return [("WWW-Authenticate", challenge) for challenge in failure.challenges]
    return ()
