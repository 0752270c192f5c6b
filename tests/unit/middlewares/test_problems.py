"""The table from failures to answers is complete and agrees with the contract."""

import inspect
import json
from http import HTTPStatus

import pytest

from middlewares import failures
from middlewares.failures import (
    ClientFailure,
    Failure,
    MethodNotAllowed,
    NoHealthyInstance,
    RateLimited,
    Unauthorized,
    UpstreamFailure,
)
from middlewares.problems import (
    PROBLEMS,
    REASONS_BY_STATUS,
    Problem,
    failure_response,
    problem_document,
    problem_of,
)

#: The contract's table, word for word.
CONTRACT = {
    "bad_request": 400,
    "ambiguous_path": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "route_not_found": 404,
    "service_not_found": 404,
    "instance_not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "expectation_failed": 417,
    "body_too_large": 413,
    "header_too_large": 431,
    "rate_limited": 429,
    "upstream_unreachable": 502,
    "upstream_reset": 502,
    "upstream_invalid": 502,
    "no_healthy_instance": 503,
    "overloaded": 503,
    "circuit_open": 503,
    "shutting_down": 503,
    "registry_unavailable": 503,
    "no_view": 503,
    "upstream_timeout": 504,
    "loop_detected": 508,
    "internal_error": 500,
}
ALL_FAILURES = [
    kind
    for _, kind in inspect.getmembers(failures, inspect.isclass)
    if issubclass(kind, Failure) and kind not in (ClientFailure, UpstreamFailure)
]
#: Failures without a row of their own; they are answered like their parent.
WITHOUT_A_ROW = (
    failures.UpstreamSilent,
    failures.OutOfResources,
    failures.ServiceBusy,
    failures.TooManyInFlight,
)


@pytest.mark.parametrize("kind", ALL_FAILURES)
def test_every_kind_of_failure_has_a_row_of_its_own(kind: type[Failure]) -> None:
    assert kind in PROBLEMS or kind in WITHOUT_A_ROW


def test_the_rows_are_those_of_the_contract() -> None:
    rows = {problem.reason: problem.status for problem in PROBLEMS.values()}
    assert rows | CONTRACT == rows


def test_no_two_failures_share_a_reason() -> None:
    assert len({problem.reason for problem in PROBLEMS.values()}) == len(PROBLEMS)


def test_the_reasons_of_refusals_by_aiohttp_are_those_of_the_contract() -> None:
    assert {reason: CONTRACT[reason] for reason in REASONS_BY_STATUS.values()} == {
        reason: status for status, reason in REASONS_BY_STATUS.items()
    }


@pytest.mark.parametrize("kind", ALL_FAILURES)
def test_whose_doing_it_is_fits_the_status(kind: type[Failure]) -> None:
    """A client's mistake is a 4xx and counts against no instance; an upstream's is a 5xx."""
    status = PROBLEMS[kind.__base__ if kind in WITHOUT_A_ROW else kind].status
    assert issubclass(kind, ClientFailure) == (status < 500)
    if issubclass(kind, UpstreamFailure):
        assert status in (502, 504)


def test_only_what_no_instance_has_seen_or_may_be_moved_is_tried_again() -> None:
    retryable = {kind.__name__ for kind in ALL_FAILURES if kind.retryable}
    assert retryable == {"UpstreamUnreachable", "UpstreamSilent", "OutOfResources"}


def test_a_failure_without_a_row_is_answered_as_its_parent_and_at_last_as_internal() -> None:
    class TooManyCooks(failures.Overloaded):
        """A failure that only an application knows."""

    class Other(Failure):
        """A failure without a parent in the table."""

    assert problem_of(TooManyCooks()) == Problem(503, "overloaded")
    assert problem_of(Other()) == Problem(500, "internal_error")
    assert problem_of(Other(), {**PROBLEMS, Other: Problem(418, "teapot")}).status == 418


# The document


def test_the_document_has_the_contracts_members_in_its_order() -> None:
    document = problem_document(Problem(404, "route_not_found"), "no such thing", "abc")
    assert list(document.items()) == [
        ("type", "about:blank"),
        ("title", "Not Found"),
        ("status", 404),
        ("detail", "no such thing"),
        ("reason", "route_not_found"),
        ("correlation_id", "abc"),
    ]


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda problem: problem.reason)
def test_every_status_has_a_title(problem: Problem) -> None:
    assert problem_document(problem, "d", "c")["title"] == HTTPStatus(problem.status).phrase


def answer_to(failure: Failure) -> tuple[int, dict[str, str], dict[str, object]]:
    response = failure_response(failure, problem_of(failure), failure.detail, "abc")
    assert isinstance(response.body, bytes)
    return response.status, dict(response.headers), json.loads(response.body)


def test_a_failure_is_answered_as_a_problem_document_with_its_own_words() -> None:
    status, headers, document = answer_to(failures.BadRequest("the Host field is not valid"))
    assert status == document["status"] == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert document["detail"] == "the Host field is not valid"
    assert document["correlation_id"] == "abc"


@pytest.mark.parametrize(
    ("failure", "name", "value"),
    [
        (RateLimited(17), "Retry-After", "17"),
        (NoHealthyInstance("price_service"), "Retry-After", "1"),
        (failures.RegistryAway("r"), "Retry-After", "1"),
        (failures.NoView(), "Retry-After", "1"),
        (MethodNotAllowed("PUT", ["POST", "GET"]), "Allow", "GET, POST"),
        (Unauthorized("t"), "WWW-Authenticate", "Bearer"),
    ],
)
def test_some_failures_bring_a_field_of_their_own(failure: Failure, name: str, value: str) -> None:
    assert answer_to(failure)[1][name] == value


def test_the_others_bring_none() -> None:
    _, headers, _ = answer_to(failures.Forbidden("no"))
    assert set(headers) == {"Content-Type"}
