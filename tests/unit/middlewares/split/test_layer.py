"""What counts as evidence, and which requests may go to another share."""

import pytest
from aiohttp.test_utils import make_mocked_request

from middlewares.exchange import Exchange
from middlewares.failures import (
    BadRequest,
    CircuitOpen,
    Failure,
    NoHealthyInstance,
    ServiceBusy,
    UpstreamInvalid,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from middlewares.header_section import HeaderSection
from middlewares.split.layer import is_evidence, may_move


def hurried() -> UpstreamTimeout:
    failure = UpstreamTimeout("late")
    failure.waited_s = 0.5
    return failure


@pytest.mark.parametrize(
    ("failure", "evidence"),
    [
        (UpstreamUnreachable("x"), True),
        (UpstreamReset("x"), True),
        (UpstreamInvalid("x"), True),
        (UpstreamTimeout("x"), True),
        (CircuitOpen("orders", 1), True),
        (hurried(), False),
        (NoHealthyInstance("orders"), False),
        (ServiceBusy("orders", 5), False),
        (BadRequest("x"), False),
    ],
)
def test_failures_of_instances_are_evidence(failure: Failure, evidence: bool) -> None:
    assert is_evidence(failure) == evidence


@pytest.mark.parametrize(
    ("failure", "method", "length", "moves"),
    [
        (UpstreamUnreachable("x"), "POST", 5, True),
        (NoHealthyInstance("orders"), "POST", 5, True),
        (CircuitOpen("orders", 1), "POST", 5, True),
        (UpstreamReset("x"), "GET", 0, True),
        (UpstreamReset("x"), "GET", 5, False),
        (UpstreamReset("x"), "POST", 0, False),
        (UpstreamTimeout("x"), "GET", 0, False),
        (ServiceBusy("orders", 5), "GET", 0, False),
    ],
)
def test_a_request_moves_if_no_instance_has_acted_on_it_or_it_may_be_made_twice(
    failure: Failure, method: str, length: int, moves: bool
) -> None:
    section = HeaderSection([(b"Content-Length", b"%d" % length)] if length else [])
    section.body_length = length
    exchange = Exchange("id", 0.0, "10.0.0.1", section, None, "/", "/")
    assert may_move(failure, make_mocked_request(method, "/"), exchange) == moves
