"""A worker's state: when it started, and whether it is stopping."""

import os
import time

SHUTTING_DOWN = "shutting_down"


class Lifecycle:
    """The state of one worker process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        #: It takes no more than one more request from each client.
        self.stopping = False
        #: It stops because another worker has taken its place: the gateway goes on.
        self.replaced = False
        #: Host and port of the client that is this process itself, which asks whether it answers; None: none is.
        self.asks_itself_from: tuple[str, int] | None = None
        self._began_s = time.monotonic()

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._began_s

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the gateway should get no more requests; empty if it should."""
        return (SHUTTING_DOWN,) if self.stopping and not self.replaced else ()
