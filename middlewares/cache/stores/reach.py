"""Remembers that Redis was away, so that nobody waits for it for a while."""

from collections.abc import Callable
from typing import Final

import structlog

#: After a failure Redis is not asked for so long.
AWAY_FOR_S: Final = 1.0

_log = structlog.get_logger()


class Reach:
    """Whether Redis can be asked for one purpose; it logs when that changes.

    `failures` counts the calls that failed.
    """

    def __init__(self, purpose: str, clock_s: Callable[[], float]) -> None:
        self.failures = 0
        self.is_away = False
        self._purpose = purpose
        self._clock_s = clock_s
        self._away_until_s = 0.0

    @property
    def may_ask(self) -> bool:
        return not self.is_away or self._clock_s() >= self._away_until_s

    def failed(self, error: Exception) -> None:
        self.failures += 1
        self._away_until_s = self._clock_s() + AWAY_FOR_S
        if not self.is_away:
            detail = str(error) or "no answer in time"
            _log.warning("cache.redis_away", purpose=self._purpose, detail=detail)
        self.is_away = True

    def answered(self) -> None:
        if self.is_away:
            _log.info("cache.redis_back", purpose=self._purpose)
        self.is_away = False
