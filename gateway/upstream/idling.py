"""Decides which idle connections are safe for a request that can't be sent again."""

#: The share of the shortest idle time at which the instance closed a connection that counts as safe.
SAFE_SHARE = 0.5
#: How fast that time grows back, in seconds a second: a restart may have caused the close.
REGAINED_PER_S = 0.01


class Idling:
    """Learns after which idle time one instance closes its connections.

    A request that crosses the close may reach the instance's kernel and stay unread. The reset that
    follows looks like one from an instance that has acted on the request, so the request may not be
    repeated.
    """

    def __init__(self) -> None:
        self._shortest_s = float("inf")
        self._seen_s = 0.0

    def closed(self, idle_s: float, now_s: float) -> None:
        """Note that the instance has closed a connection after this idle time."""
        if idle_s < self._closes_after_s(now_s):
            self._shortest_s, self._seen_s = idle_s, now_s

    def is_safe(self, idle_s: float, now_s: float) -> bool:
        """Whether a connection with this idle time is unlikely to be closed soon."""
        return idle_s < SAFE_SHARE * self._closes_after_s(now_s)

    def _closes_after_s(self, now_s: float) -> float:
        return self._shortest_s + REGAINED_PER_S * (now_s - self._seen_s)
