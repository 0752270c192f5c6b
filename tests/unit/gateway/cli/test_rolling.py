"""`lockgate roll` waits for the end of the roll that it has begun."""

from typing import Any

import pytest

from gateway.cli.gateway_client import Refused
from gateway.cli.rolling import SILENT_FOR_S, rolled
from gateway.stack.failures import StackError


def state(number: int, word: str, replaced: int = 0, reason: str = "") -> dict[str, Any]:
    return {"number": number, "state": word, "reason": reason, "replaced": replaced, "of": 2}


class Gateway:
    """Answers with one after the other."""

    def __init__(self, *answers: dict[str, Any] | StackError) -> None:
        self._answers = list(answers)
        self.clock_s = 0.0

    def change(self, method: str, path: str) -> Any:
        assert (method, path) == ("POST", "/roll")
        return self._next()

    def get(self, path: str) -> Any:
        assert path == "/roll"
        return self._next()

    def sleep(self, seconds: float) -> None:
        self.clock_s += seconds

    def _next(self) -> Any:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, StackError):
            raise answer
        return answer

    def rolled(self) -> Any:
        return rolled(self, now=lambda: self.clock_s, sleep=self.sleep)  # type: ignore[arg-type]


def test_it_waits_until_all_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway(
        state(1, "running"), state(1, "running", 1), state(1, "running", 1), state(1, "done", 2)
    )
    assert gateway.rolled() == state(1, "done", 2)
    assert capsys.readouterr().err.splitlines() == [
        "0 of 2 workers replaced",
        "1 of 2 workers replaced",
    ]


def test_a_roll_that_follows_another_one_is_waited_for() -> None:
    gateway = Gateway(
        state(2, "waiting"), state(1, "running"), state(1, "done", 2), state(2, "failed", 0, "why")
    )
    assert gateway.rolled() == state(2, "failed", 0, "why")


def test_a_gateway_that_does_not_answer_for_a_moment_is_asked_again() -> None:
    away = StackError("no gateway answers")
    assert Gateway(state(1, "running"), away, away, state(1, "done", 2)).rolled()["state"] == "done"


def test_a_gateway_that_stays_away_ends_the_waiting() -> None:
    gateway = Gateway(state(1, "running"), StackError("no gateway answers"))
    with pytest.raises(StackError, match="how the roll goes on is not known: no gateway answers"):
        gateway.rolled()
    assert gateway.clock_s > SILENT_FOR_S


def test_a_master_that_is_replaced_just_now_is_asked_again() -> None:
    away = Refused("answers 503", {"reason": "master_away"})
    assert Gateway(state(1, "running"), away, away, state(1, "done", 2)).rolled()["state"] == "done"


def test_a_refusal_ends_the_waiting_at_once() -> None:
    gateway = Gateway(state(1, "running"), Refused("answers 401", {"reason": "unauthorized"}))
    with pytest.raises(Refused, match="answers 401"):
        gateway.rolled()


@pytest.mark.parametrize("begun", [state(3, "running"), state(4, "waiting")])
def test_a_gateway_that_was_started_anew_meanwhile_ends_the_waiting(begun: dict[str, Any]) -> None:
    gateway = Gateway(begun, StackError("no gateway answers"), state(0, "none"))
    with pytest.raises(StackError, match="started anew"):
        gateway.rolled()
