"""Rules leave alone what the gateway does more with than to pass it on."""

import pytest

from gateway.forwarding import fields
from gateway.forwarding.fields import CORS, DATE, LIMIT, PASS, TRUSTED
from middlewares.transform.deciding.untouchable import why_not_in_answer, why_not_in_request

_NAMES = sorted(name.decode() for name in fields.__dict__["_TABLE"])


@pytest.mark.parametrize("name", _NAMES)
def test_a_field_that_does_not_just_pass_is_untouchable(name: str) -> None:
    raw = name.encode()
    if fields.in_request(raw) is not PASS:
        assert why_not_in_request(name)
        assert why_not_in_request(name.replace("-", "_").upper())
    if fields.in_answer(raw) not in (PASS, CORS):
        assert why_not_in_answer(name)


@pytest.mark.parametrize("name", ["X-Auth-Subject", "X-Forwarded-Anything", "x_forwarded_for"])
def test_what_only_the_gateway_says_is_untouchable_in_requests(name: str) -> None:
    assert "writes" in (why_not_in_request(name) or "")


def test_the_host_has_a_key_of_its_own() -> None:
    assert "rewrite.host" in (why_not_in_request("Host") or "")


@pytest.mark.parametrize("name", ["X-Tenant", "Authorization", "Cookie", "Content-Type"])
def test_other_headers_may_be_touched(name: str) -> None:
    assert why_not_in_request(name) is None
    assert why_not_in_answer(name) is None


def test_every_kind_of_the_table_is_thought_of() -> None:
    assert {DATE, LIMIT, TRUSTED} <= set(fields.Gets)
