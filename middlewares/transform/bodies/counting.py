"""Counts and logs the bodies that could not be changed."""

from collections import Counter

from middlewares.exchange import Exchange
from middlewares.telemetry.seldom import Seldom
from middlewares.transform.bodies.whole import NotChanged

REQUEST, ANSWER = "request", "answer"


class NotChangedCounts:
    """By route, of a request or an answer, and why; whether they passed or were refused."""

    def __init__(self) -> None:
        self.bodies: Counter[tuple[str, str, str]] = Counter()
        self._passed = Seldom("transform.passed_unchanged")

    def add(self, exchange: Exchange, of: str, error: NotChanged, *, refused: bool) -> None:
        """Count a body; if it passes, the log says so now and then, since nobody else would see it."""
        assert exchange.route is not None
        route = exchange.route.id
        self.bodies[(route, of, error.why.name.lower())] += 1
        if not refused:
            self._passed.warn(
                route=route,
                of=of,
                why=error.why.value,
                seen=error.seen,
                correlation_id=exchange.correlation_id,
            )
