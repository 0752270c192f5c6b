"""Whether a request is tried again: a table of failures and the other facts that count."""

import pytest

from gateway.hop.deciding.retrying import (
    ACTED_ON,
    CLOSING,
    FINAL,
    NONE_LEFT,
    REPEATABLE,
    UNSEEN,
    Again,
    Stop,
    Tried,
    decide,
    last_word,
    may_move,
)
from middlewares.failures import (
    BodyTooLarge,
    Failure,
    NoHealthyInstance,
    OutOfResources,
    Overloaded,
    UpstreamInvalid,
    UpstreamReset,
    UpstreamSilent,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from middlewares.routing.policy import Retries

RESET = UpstreamReset("the connection ended")
UNTOUCHED = UpstreamReset("the connection ended", untouched=True)


def tried(
    *, idempotent: bool = True, replayable: bool = True, reused: bool = False, left: int = 1
) -> Tried:
    return Tried(idempotent, replayable, reused, left)


@pytest.mark.parametrize(
    ("failure", "what", "decided"),
    [
        (UpstreamUnreachable(""), tried(), UNSEEN),
        (UpstreamUnreachable(""), tried(idempotent=False), UNSEEN),
        (UpstreamUnreachable(""), tried(left=0), NONE_LEFT),
        (UpstreamSilent(""), tried(), UNSEEN),
        (OutOfResources(""), tried(), UNSEEN),
        (Overloaded(""), tried(), FINAL),
        (UpstreamTimeout(""), tried(), FINAL),
        (UpstreamInvalid(""), tried(), FINAL),
        (BodyTooLarge(""), tried(), FINAL),
        (RESET, tried(), REPEATABLE),
        (RESET, tried(left=0), NONE_LEFT),
        (RESET, tried(reused=True), CLOSING),
        (RESET, tried(reused=True, left=0), CLOSING),
        (RESET, tried(idempotent=False), ACTED_ON),
        (RESET, tried(idempotent=False, reused=True), ACTED_ON),
        (RESET, tried(replayable=False), ACTED_ON),
        (UNTOUCHED, tried(idempotent=False), UNSEEN),
        (UNTOUCHED, tried(idempotent=False, reused=True), CLOSING),
        (UNTOUCHED, tried(replayable=False, reused=True), ACTED_ON),
    ],
)
def test_whether_a_request_is_tried_once_more(
    failure: Failure, what: Tried, decided: Again | Stop
) -> None:
    assert decide(failure, what) == decided


ON = Retries(3, frozenset(["timeout", 503]), budget=0.2)


@pytest.mark.parametrize(
    ("outcome", "what", "decided"),
    [
        (503, tried(), REPEATABLE),
        (503, tried(idempotent=False), ACTED_ON),
        (503, tried(replayable=False), ACTED_ON),
        (503, tried(left=0), NONE_LEFT),
        (502, tried(), FINAL),
        (UpstreamTimeout(""), tried(), REPEATABLE),
        (UpstreamTimeout(""), tried(idempotent=False), ACTED_ON),
        (UpstreamUnreachable(""), tried(), FINAL),
        (RESET, tried(), FINAL),
        # A connection that was just closing is no attempt, and needs no name.
        (RESET, tried(reused=True), CLOSING),
        (UNTOUCHED, tried(idempotent=False), UNSEEN),
        (UpstreamSilent(""), tried(), UNSEEN),
        (UpstreamInvalid(""), tried(), FINAL),
    ],
)
def test_what_a_plan_names_is_repeated_if_it_may_be_done_twice(
    outcome: Failure | int, what: Tried, decided: Again | Stop
) -> None:
    assert decide(outcome, what, ON) == decided


@pytest.mark.parametrize(
    ("method", "has_body", "left", "may"),
    [
        ("GET", False, 1, True),
        ("QUERY", False, 1, True),
        ("GET", False, 0, False),
        ("GET", True, 1, False),
        ("POST", False, 1, False),
    ],
)
def test_a_waiting_request_moves_where_there_is_another_instance_and_twice_is_once(
    method: str, has_body: bool, left: int, may: bool
) -> None:
    assert may_move(method, has_body=has_body, left=left) is may


def refused() -> Failure:
    return UpstreamUnreachable("no connection", cause=ConnectionRefusedError())


def unroutable() -> Failure:
    return UpstreamUnreachable("no connection", cause=OSError("no route to host"))


def test_where_nobody_is_there_no_instance_is_healthy() -> None:
    last = refused()

    told = last_word("price", [UpstreamUnreachable("it drains"), last])

    assert isinstance(told, NoHealthyInstance)
    assert told.service == "price"
    assert told.cause is last


@pytest.mark.parametrize("failures", [[RESET, refused()], [refused(), RESET], [unroutable()]])
def test_what_an_instance_did_is_told_as_the_last_of_them_failed(failures: list[Failure]) -> None:
    assert last_word("price", failures) is failures[-1]


def test_without_candidates_no_instance_is_healthy() -> None:
    assert isinstance(last_word("price", []), NoHealthyInstance)
