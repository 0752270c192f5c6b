"""How long an instance may take over one request: two requests over one connection may differ."""

from typing import NamedTuple, Self

from middlewares.routing.policy import Timeouts

NEVER = float("inf")


class Deadlines(NamedTuple):
    """Seconds, as in Timeouts (an `idle_s` of 0: no limit), and when all has to be over (loop time)."""

    connect_s: float = 2.0
    head_s: float = 30.0
    idle_s: float = 300.0
    ends_s: float = NEVER

    @classmethod
    def begun(cls, timeouts: Timeouts, now_s: float) -> Self:
        """Those of a request that begins now, whatever it tries."""
        ends_s = now_s + timeouts.total_s if timeouts.total_s else NEVER
        return cls(timeouts.connect_s, timeouts.head_s, timeouts.idle_s, ends_s)
