"""Which outcomes speak against an instance, and which are nobody's fault or ours."""

import pytest

from gateway.hop.deciding.blaming import FAILED, LONG_UPLOAD_S, blame
from middlewares import failures
from middlewares.failures import Failure, UpstreamReset

PATIENCE_S = 2.0


def reset(*, reused: bool = False, untouched: bool = False) -> UpstreamReset:
    failure = UpstreamReset("it ended", untouched=untouched)
    failure.reused = reused
    return failure


@pytest.mark.parametrize(
    ("failure", "took_s", "words"),
    [
        (
            failures.UpstreamUnreachable("no", cause=ConnectionRefusedError(111, "refused")),
            0.0,
            "connect failed: Connection refused",
        ),
        (reset(), 0.1, "the connection was reset"),
        (failures.UpstreamInvalid("no"), 0.1, "the answer was not HTTP"),
        (failures.UpstreamTimeout("late"), PATIENCE_S, "no answer within 2.0 s"),
        (failures.UpstreamSilent("silent"), 0.8, "no answer for 0.80 s while others answer"),
    ],
)
def test_these_speak_against_it(failure: Failure, took_s: float, words: str) -> None:
    assert blame(failure, took_s, PATIENCE_S) == words


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(failures.RequestTimeout(), id="the client sends too slowly"),
        pytest.param(failures.BodyTooLarge(), id="the client sends too much"),
        pytest.param(failures.Overloaded(), id="no connection is free"),
        pytest.param(failures.OutOfResources(), id="the gateway lacks descriptors"),
        pytest.param(reset(reused=True), id="a connection that was perhaps just being closed"),
        pytest.param(reset(untouched=True), id="a connection that ended before it was used"),
        pytest.param(failures.UpstreamUnreachable("no"), id="it drains, so no connect was tried"),
        pytest.param(failures.UpstreamTimeout("late"), id="the client wants it sooner"),
    ],
)
def test_these_say_nothing_of_it(failure: Failure) -> None:
    assert blame(failure, PATIENCE_S / 2, PATIENCE_S) == ""


@pytest.mark.parametrize(
    ("was_sending", "took_s", "words"),
    [
        (True, LONG_UPLOAD_S, ""),
        (True, LONG_UPLOAD_S - 0.01, "the connection was reset"),
        (False, LONG_UPLOAD_S, "the connection was reset"),
    ],
)
def test_a_reset_in_a_long_upload_says_nothing(
    was_sending: bool, took_s: float, words: str
) -> None:
    """A client could eject instances that end connections whose bodies come too slowly for them."""
    failure = reset()
    failure.was_sending = was_sending

    assert blame(failure, took_s, PATIENCE_S) == words


def test_a_time_out_says_nothing_if_the_client_took_most_of_it_for_its_body() -> None:
    late = failures.UpstreamTimeout("late")
    late.waited_s = PATIENCE_S / 2

    assert blame(late, PATIENCE_S * 9, PATIENCE_S) == ""


def test_four_statuses_are_failures_of_the_instance() -> None:
    assert sorted(FAILED) == [500, 502, 503, 504]
