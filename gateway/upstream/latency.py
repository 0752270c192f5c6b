"""How long an instance takes to answer, as a peak that decays, and whether it is clearly slower than its siblings."""

from collections.abc import Iterable
from math import exp

#: In this time a peak loses 63 % of what is above the fastest sibling's latency. Each time that the instance is
#: still slow when it is tried again, the time doubles, up to the second one.
DECAY_S, LONGEST_DECAY_S = 3.0, 12.0
#: An instance is clearly slower if it takes `TIMES` as long as the fastest of its siblings, both plus `SLACK_S`:
#: a few milliseconds make no difference to anybody, and a busy machine has pauses of some.
TIMES, SLACK_S = 2.0, 0.02
#: More does not count, so that an instance that has hung for long is tried again as soon as another.
MOST_TIMES = 100.0
#: What a quicker answer leaves of what is above it, besides the decay with time.
LEFT_BY_EACH = 15 / 16
#: Failures double the latency up to this.
MOST_FOR_FAILURES_S = 1.0
#: An instance that has not answered for so long is not compared with.
RECENT_S = 10.0
NEVER = float("inf")


class Siblings:
    """The latencies of a service's instances, compared where something has changed since the last time."""

    __slots__ = ("are_stirred", "latencies")

    def __init__(self) -> None:
        self.latencies: list[Latency] = []
        self.are_stirred = False

    def compare(self, now_s: float) -> None:
        """Find out which instances are clearly slower than the fastest; a slow one is looked at each time."""
        if self.are_stirred:
            compare(self.latencies, now_s)
            self.are_stirred = any(one.slowness > 1.0 for one in self.latencies)


class Latency:
    """The latency of one instance; all times are of one clock.

    `value_s` 0: nothing is known. `slowness` is 1 for an instance that is not clearly slower, else how many times
    as long it takes.
    """

    __slots__ = ("at_s", "decay_s", "siblings", "slow_from_s", "slowness", "value_s", "was_slow")

    def __init__(self, siblings: Siblings | None = None) -> None:
        self.siblings = siblings or Siblings()
        self.value_s = 0.0
        self.at_s = -NEVER
        self.decay_s = DECAY_S
        self.slowness = 1.0
        #: From here on it is clearly slower, by the last comparison.
        self.slow_from_s = NEVER
        #: Whether it has been slow, and has not answered quickly since.
        self.was_slow = False

    def answered(self, took_s: float, now_s: float) -> None:
        """Take the time of an answer: a longer one counts at once, a shorter one little by little."""
        if self.was_slow and took_s <= self.slow_from_s:
            self.was_slow = False
            self.decay_s = DECAY_S
        above_s = self.value_s - took_s
        if above_s > 0:
            took_s += above_s * LEFT_BY_EACH * exp((self.at_s - now_s) / self.decay_s)
        self.value_s = took_s
        self.at_s = now_s
        self.siblings.are_stirred = True
        if took_s > self.slow_from_s:
            self._jumped()

    def failed(self, took_s: float, now_s: float) -> None:
        """Take a failure, however fast it came: each doubles the latency, so that one in a hundred is nothing."""
        doubled_s = min(max(2 * self.value_s, SLACK_S), MOST_FOR_FAILURES_S)
        self._set(max(took_s, doubled_s, self.value_s), now_s)

    def waits(self, since_s: float, now_s: float) -> None:
        """Take a request that has been waiting since then and is not answered yet."""
        if now_s - since_s > self.value_s:
            self._set(now_s - since_s, now_s)

    def effort(self, in_flight: int) -> float:
        """What one more request means to the instance, as a number of requests in flight.

        One that is not slower takes it at once if it has none. One that is slower gets it when each of its
        siblings has as much to do with those that it has.
        """
        return in_flight if self.slowness == 1.0 else (in_flight + 1) * self.slowness

    def compare(self, fastest_s: float, now_s: float) -> None:
        """Find out whether it is clearly slower than a sibling with this latency, the fastest.

        A peak comes down to the sibling's latency, so that its instance is tried again.
        """
        self.slowness = 1.0
        self.slow_from_s = (fastest_s + SLACK_S) * TIMES - SLACK_S
        if self.value_s > self.slow_from_s:
            most_s = (fastest_s + SLACK_S) * MOST_TIMES - SLACK_S
            above_s = min(self.value_s, most_s) - fastest_s
            above_s *= exp((self.at_s - now_s) / self.decay_s)
            if fastest_s + above_s > self.slow_from_s:
                self.slowness = _slowness(fastest_s + above_s, fastest_s)

    def _set(self, value_s: float, now_s: float) -> None:
        self.value_s = value_s
        self.at_s = now_s
        self.siblings.are_stirred = True
        if value_s > self.slow_from_s:
            self._jumped()

    def _jumped(self) -> None:
        """Be slow at once; that it has ended is seen by the next comparison."""
        if self.slowness == 1.0:
            self.decay_s = min(2 * self.decay_s, LONGEST_DECAY_S) if self.was_slow else DECAY_S
            self.was_slow = True
        self.slowness = _slowness(self.value_s, (self.slow_from_s + SLACK_S) / TIMES - SLACK_S)


def compare(siblings: Iterable[Latency], now_s: float) -> None:
    """Find out which instances of a service are clearly slower than the fastest."""
    known = [one for one in siblings if one.value_s]
    fastest_s = min((one.value_s for one in known if now_s - one.at_s < RECENT_S), default=NEVER)
    for one in known:
        one.compare(fastest_s, now_s)


def _slowness(value_s: float, fastest_s: float) -> float:
    return min((value_s + SLACK_S) / (fastest_s + SLACK_S), MOST_TIMES)
