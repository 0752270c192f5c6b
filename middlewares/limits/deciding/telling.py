"""What a worker tells the registry, so that each thing is charged once even if an answer is lost."""

import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from middlewares.limits.deciding.alone import OwnAccounts, Told
from middlewares.limits.deciding.asking import Check
from middlewares.limits.deciding.crossing import LOST, STALE, Caller, State

#: The most things that are told in one call, beside those of the keys that are asked about.
TOLD_PER_CALL = 500


class Lesson(NamedTuple):
    """What is told in one call, and who calls."""

    caller: Caller
    told: Sequence[Told]


class Telling:
    """Numbers the calls of a worker, and repeats a call whose answer was lost before there is another.

    The registry keeps the number of a worker's last call. So it charges what is told in a repeated call
    once, and leaves aside a call that it reads only after a later one.
    """

    def __init__(self, own: OwnAccounts) -> None:
        self._own = own
        self._worker = secrets.token_hex(8)
        self._epoch = ""
        self._call = 0
        self._lost: Lesson | None = None
        #: When the first call failed after which none was answered; 0: the last one was.
        self._lost_at_us = 0

    @property
    def has_something(self) -> bool:
        return self._lost is not None or bool(self._own.untold)

    def again(self, now_us: int) -> Lesson | None:
        """The call that must be repeated before there is another one."""
        if self._lost is None:
            return None
        age_us = now_us - self._lost_at_us
        told = [
            one._replace(spent=0) if age_us >= one.policy.window_us else one
            for one in self._lost.told
        ]
        caller = self._lost.caller._replace(epoch=self._epoch, away_us=self._away_us(now_us))
        return Lesson(caller, told)

    def next(self, first: Sequence[Check], now_us: int) -> Lesson:
        """What is told in the next call: above all of the keys that are asked about."""
        self._call += 1
        told = self._own.take(first, TOLD_PER_CALL, now_us)
        caller = Caller(self._worker, self._epoch, self._call, self._away_us(now_us))
        return Lesson(caller, told)

    def _away_us(self, now_us: int) -> int:
        return now_us - self._lost_at_us if self._lost_at_us else 0

    def failed(self, lesson: Lesson, asked: Iterable[Check], now_us: int) -> None:
        """The call failed, and nobody knows whether the registry has read it."""
        self._lost = self._lost or lesson
        self.gone(now_us)
        told = (Check(one.policy, one.key) for one in lesson.told)
        self._own.unsure([*told, *asked])

    def gone(self, now_us: int) -> None:
        """The worker decides alone from now on, if it did not before."""
        self._lost_at_us = self._lost_at_us or now_us

    def is_back(self) -> None:
        """The registry has answered a call that told nothing."""
        self._lost_at_us = 0

    def answered(self, lesson: Lesson, state: State, now_us: int) -> None:
        """The registry has answered."""
        self._lost, self._epoch, self._lost_at_us = None, state.epoch, 0
        if state.word in (LOST, STALE):
            self._worker = secrets.token_hex(8)  # whose calls are numbered anew
            self._own.forget_told()
        else:
            self._own.heard(lesson.told, now_us)
