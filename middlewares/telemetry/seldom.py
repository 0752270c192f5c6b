"""Writes frequent warnings only now and then, with the number of those left out."""

import time

import structlog

EACH_S = 10.0

_log = structlog.get_logger()


class Seldom:
    """Writes the first warning of an event at once, and the next not before `EACH_S` seconds have passed."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._said_s = float("-inf")
        self._unsaid = 0

    def warn(self, **fields: object) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s < EACH_S:
            self._unsaid += 1
            return
        _log.warning(self._event, **fields, unsaid=self._unsaid)
        self._said_s, self._unsaid = now_s, 0
