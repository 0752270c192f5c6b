"""What the answer of a part is, and what the client is told where it is none."""

import pytest

from discovery.base.steps import at_once
from middlewares.compose.deciding.judging import Fine, Missing, judged, needs_missing, skipped
from middlewares.compose.deciding.marks import document_of, field_of
from middlewares.compose.deciding.refusing import is_passed_on, passed_fields, refusal
from middlewares.compose.deciding.texts import NoValue
from middlewares.failures import BadRequest, NoHealthyInstance, PartFailed, UpstreamTimeout
from middlewares.problems import problem_of


def test_an_answer_with_json_is_fine_whatever_its_type_is() -> None:
    fields = [(b"Content-Type", b"text/html")]
    found = at_once(judged(201, fields, b' {"items": [1.0]}', is_whole=True, take=["items"]))
    assert isinstance(found, Fine)
    assert (found.whole.raw, found.used.raw, found.fields) == ('{"items": [1.0]}', "[1.0]", fields)


def test_no_content_is_null() -> None:
    found = at_once(judged(204, [], b"", is_whole=True, take=[]))
    assert isinstance(found, Fine)
    assert found.used.raw == "null"


@pytest.mark.parametrize(
    ("status", "body", "is_whole", "reason", "detail"),
    [
        (500, b"{}", True, "status", "its service answered 500"),
        (302, b"{}", True, "status", "its service answered 302"),
        (404, b"", False, "status", "its service answered 404"),
        (200, b"", False, "too_large", "its answer is larger than 1 MiB"),
        (200, b"<p>", True, "not_json", "its answer is not JSON: it has no value at character 0"),
        (
            200,
            b'{"a": nan}',
            True,
            "not_json",
            "its answer is not JSON: it has no value at character 6",
        ),
        (200, b"{}", True, "nothing_there", "its answer has nothing at the pointer of take"),
    ],
)
def test_why_a_part_is_missing(
    status: int, body: bytes, is_whole: bool, reason: str, detail: str
) -> None:
    found = at_once(judged(status, [], body, is_whole=is_whole, take=["items"]))
    assert found == Missing(reason, detail, status if reason == "status" else None)


def test_an_encoded_answer_is_no_json() -> None:
    found = at_once(judged(200, [(b"content-encoding", b"gzip")], b"{}", is_whole=True, take=[]))
    assert isinstance(found, Missing)
    assert found.reason == "not_json"


MISSING = {
    "orders": Missing("upstream_timeout", "…"),
    "loyalty": Missing("status", "…", 503),
}


def test_the_marks_of_a_partial_answer() -> None:
    assert field_of(MISSING) == "orders;reason=upstream_timeout, loyalty;reason=status;status=503"
    assert document_of(MISSING) == (
        '{"orders": {"reason": "upstream_timeout"}, "loyalty": {"reason": "status", "status": 503}}'
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 429, 451])
def test_what_a_service_says_of_the_request_is_passed_on(status: int) -> None:
    assert is_passed_on(Missing("status", "…", status))


@pytest.mark.parametrize("status", [301, 304, 405, 407, 408, 413, 416, 421, 500, 503, None])
def test_everything_else_is_not(status: int | None) -> None:
    assert not is_passed_on(Missing("status", "…", status))


def test_the_fields_that_are_passed_on() -> None:
    fields = [
        (b"Content-Type", b"application/problem+json"),
        (b"WWW-Authenticate", b"Bearer"),
        (b"Age", b"7"),
        (b"Server", b"x"),
        (b"Set-Cookie", b"a=b"),
        (b"X-Cost", b"3"),
        (b"Content-Length", b"3"),
    ]
    assert passed_fields(fields, frozenset([b"x-cost"])) == [
        ("Content-Type", "application/problem+json"),
        ("WWW-Authenticate", "Bearer"),
        ("Age", "7"),
        ("X-Cost", "3"),
    ]


def test_what_the_client_is_told() -> None:
    failed = refusal("user", Missing("not_json", "its answer is not JSON: …"), None)
    assert (type(failed), problem_of(failed)) == (PartFailed, (502, "part_failed"))
    assert failed.detail == "the part user failed: its answer is not JSON: …"
    away = NoHealthyInstance("user_service")
    assert refusal("user", Missing("no_healthy_instance", "…"), away) is away
    late = refusal("user", Missing("…", "…"), UpstreamTimeout("no whole answer within 0.5 s"))
    assert (type(late), late.detail) == (
        UpstreamTimeout,
        "the part user: no whole answer within 0.5 s",
    )


def test_a_part_without_a_value_is_the_clients_fault_or_ours() -> None:
    of_client = refusal("orders", skipped(NoValue("query.page", of_client=True)), None)
    assert (type(of_client), of_client.detail) == (
        BadRequest,
        "the part orders can't be asked: the request has no {query.page}",
    )
    of_part = refusal("orders", skipped(NoValue("parts.user./id", of_client=False)), None)
    assert (type(of_part), of_part.detail) == (
        PartFailed,
        "the part orders failed: what came before has no {parts.user./id}",
    )
    assert needs_missing("user").detail == "it needs the part user, which is missing"


def test_an_event_stream_is_no_json() -> None:
    found = at_once(judged(200, [], b"", is_whole=False, take=[], is_event_stream=True))
    assert found == Missing("not_json", "its answer is an event stream, which has no end")
