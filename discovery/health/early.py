"""What siblings say of instances that are not in this worker's view yet."""

from dataclasses import dataclass, field

from .machine import Health, Thresholds, Verdict, step

#: A view that lags behind a sibling's does so for less.
KEPT_S = 30.0
MOST = 50_000
MOST_VERDICTS = 20


@dataclass(slots=True)
class _Early:
    probed_as: str
    at_s: float
    health: Health | None = None
    #: With the registration that each of them is on.
    verdicts: list[tuple[int, Verdict]] = field(default_factory=list)


class EarlyWords:
    """Keeps them for a while; times are monotonic seconds."""

    def __init__(self) -> None:
        self._early: dict[str, _Early] = {}

    def health(self, key: str, probed_as: str, health: Health, now_s: float) -> None:
        """Keep what a sibling makes of an instance by now."""
        self._begin(key, probed_as, now_s).health = health

    def verdict(
        self, key: str, probed_as: str, registered_at_ms: int, verdict: Verdict, now_s: float
    ) -> None:
        """Keep a verdict on this registration of the instance."""
        early = self._early.get(key)
        if early is None or early.probed_as != probed_as:
            early = self._begin(key, probed_as, now_s)
        early.at_s = now_s
        del early.verdicts[: 1 - MOST_VERDICTS]
        early.verdicts.append((registered_at_ms, verdict))

    def take(
        self,
        key: str,
        probed_as: str,
        registered_at_ms: int,
        begun: Health,
        thresholds: Thresholds,
        now_s: float,
    ) -> Health | None:
        """The health of an instance that is new here, where siblings have said something; it is forgotten.

        What was said of an earlier registration does not count: another process has come in its place.
        """
        early = self._early.pop(key, None)
        if early is None or early.probed_as != probed_as or now_s - early.at_s > KEPT_S:
            return None
        verdicts = [verdict for at_ms, verdict in early.verdicts if at_ms == registered_at_ms]
        if early.health is None and not verdicts:
            return None
        health = early.health or begun
        for verdict in verdicts:
            health = step(health, verdict, thresholds)
        return health

    def _begin(self, key: str, probed_as: str, now_s: float) -> _Early:
        self._early.pop(key, None)
        while self._early:
            oldest = next(iter(self._early))
            if len(self._early) < MOST and now_s - self._early[oldest].at_s <= KEPT_S:
                break
            del self._early[oldest]
        early = self._early[key] = _Early(probed_as, now_s)
        return early
