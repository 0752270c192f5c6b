"""How long a connection may have been idle for a request that can't be sent again."""

#: How much of the shortest idle time that has ended in a close is still taken for safe.
SAFE_SHARE = 0.5
#: How fast that time grows back, in seconds a second: it may have been that of a restart.
REGAINED_PER_S = 0.01


class Idling:
    """What one instance has shown of when it closes idle connections.

    A request that meets the close may be in the instance's kernel already, unread: the reset that
    answers it then looks like that of an instance that has acted on it, so nobody may repeat it.
    """

    def __init__(self) -> None:
        self._shortest_s = float("inf")
        self._seen_s = 0.0

    def closed(self, idle_s: float, now_s: float) -> None:
        """The instance has closed a connection that had been idle for so long."""
        if idle_s < self._closes_after_s(now_s):
            self._shortest_s, self._seen_s = idle_s, now_s

    def is_safe(self, idle_s: float, now_s: float) -> bool:
        """A connection that has been idle for so long is far from being closed."""
        return idle_s < SAFE_SHARE * self._closes_after_s(now_s)

    def _closes_after_s(self, now_s: float) -> float:
        return self._shortest_s + REGAINED_PER_S * (now_s - self._seen_s)
