"""Limits the repeats of a service's requests, so that an outage does not multiply its load."""

from collections import defaultdict
from functools import partial

#: Requests and their repeats are compared over this time, in slots of one second.
WINDOW_S = 10
#: So many repeats a second are allowed in a gateway, however few the requests are.
LEAST_A_SECOND = 3
#: In one second the share may be so many times as large, for what one instance leaves behind. What a service saves
#: in ten good seconds would treble its load in the first bad one.
PEAK = 2


class RetryBudget:
    """The requests and the repeats of one service in the last seconds; times are monotonic seconds."""

    __slots__ = ("_least", "_repeats", "_requests", "_second")

    def __init__(self, least_a_second: int = LEAST_A_SECOND) -> None:
        self._least = least_a_second
        self._second = 0
        self._requests = [0] * WINDOW_S
        self._repeats = [0] * WINDOW_S

    def count(self, now_s: float) -> None:
        """Count a request."""
        second = int(now_s)
        if second > self._second:
            self._roll(second)
        self._requests[self._second % WINDOW_S] += 1

    def take(self, share: float, now_s: float) -> bool:
        """Count a repeat if there may be one: at most this share of the requests, or few in this second.

        In one second it is at most PEAK times this share of the most requests that one second had.
        """
        second = int(now_s)
        if second > self._second:
            self._roll(second)
        slot = self._second % WINDOW_S
        repeats = self._repeats[slot] + 1
        is_within = sum(self._repeats) + 1 <= share * sum(
            self._requests
        ) and repeats <= PEAK * share * max(self._requests)
        if not is_within and repeats > self._least:
            return False
        self._repeats[slot] = repeats
        return True

    def _roll(self, second: int) -> None:
        """Begin this second, and forget those that are WINDOW_S old."""
        for passed in range(max(self._second + 1, second - WINDOW_S + 1), second + 1):
            self._requests[passed % WINDOW_S] = self._repeats[passed % WINDOW_S] = 0
        self._second = second


class RetryBudgets(defaultdict[str, RetryBudget]):
    """The budgets of a worker by the service's name; a reload of the file keeps them.

    `least_a_second` is the worker's share of LEAST_A_SECOND.
    """

    def __init__(self, least_a_second: int = LEAST_A_SECOND) -> None:
        super().__init__(partial(RetryBudget, least_a_second))
