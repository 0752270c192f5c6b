"""What an authority says of a failure is read, whatever it says."""

import pytest

pytest.importorskip("acme", reason="the extra acme is not installed")

from gateway.acme.directory import problem_text, retry_after_s
from gateway.acme.ordering import why_failed


def test_a_problem_is_one_line_with_its_parts() -> None:
    problem = {
        "type": "urn:ietf:params:acme:error:compound",
        "detail": "several\nof them",
        "subproblems": [{"type": "urn:ietf:params:acme:error:dns", "detail": "no address"}],
    }
    assert problem_text(problem) == "compound: several of them; dns: no address"


@pytest.mark.parametrize("odd", [None, 1, "x", []])
def test_what_is_no_problem_has_no_text(odd: object) -> None:
    assert problem_text(odd) == ""


def test_a_problem_is_cut() -> None:
    assert len(problem_text({"type": "x", "detail": "y" * 10_000})) == 400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999", 86400.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, 10.0) == seconds


def test_why_an_authorization_failed_stands_in_its_challenges() -> None:
    told = {
        "status": "invalid",
        "challenges": [{"error": {"type": "a:dns", "detail": "no address"}}, {}, None],
    }
    assert why_failed(told) == "a:dns: no address"
    assert why_failed({"status": "revoked"}) == "the authority says that it is 'revoked'"
