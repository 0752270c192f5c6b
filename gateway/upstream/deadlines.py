"""The deadlines of one request; two requests over one connection may have different ones."""

from typing import NamedTuple, Self

from middlewares.routing.policy import Timeouts

NEVER = float("inf")


class Deadlines(NamedTuple):
    """Limits in seconds, as in Timeouts (`idle_s` 0: no limit), and the end of the whole (loop time)."""

    connect_s: float = 2.0
    head_s: float = 30.0
    idle_s: float = 300.0
    ends_s: float = NEVER

    @classmethod
    def begun(cls, timeouts: Timeouts, now_s: float) -> Self:
        """The deadlines of a request that begins now, over all its attempts."""
        ends_s = now_s + timeouts.total_s if timeouts.total_s else NEVER
        return cls(timeouts.connect_s, timeouts.head_s, timeouts.idle_s, ends_s)
