"""What a worker is at: when it began, and whether it is stopping."""

import os
import time

from aiohttp import web

SHUTTING_DOWN = "shutting_down"


class Lifecycle:
    """The state of one worker process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.stopping = False
        self._began_s = time.monotonic()

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._began_s

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why no more requests should be sent here."""
        return (SHUTTING_DOWN,) if self.stopping else ()

    async def say_goodbye(self, _request: web.Request, response: web.StreamResponse) -> None:
        """An `on_response_prepare` hook: from the beginning of the stop, every answer is the last one.

        As a header, which a client can act on; closing without a word would lose its next request.
        """
        if self.stopping:
            response.headers["Connection"] = "close"
            response.force_close()
