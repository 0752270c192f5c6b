"""A gateway of one process tells systemd of its start, its reloads and its stop; a worker's master does it itself."""

import asyncio
from collections.abc import MutableMapping

from gateway.master.notify import ServiceManager, forget


class Supervised:
    """Made in the event loop; from `ready` on, the watchdog hears of it as long as the loop runs."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._manager = ServiceManager(environ)
        forget(environ)
        self._alive: asyncio.Task[None] | None = None
        self._status = ""

    def ready(self, status: str) -> None:
        self._status = status
        self._manager.ready(status)
        if self._manager.watchdog_s is not None:
            self._alive = asyncio.create_task(self._say_alive(self._manager.watchdog_s))

    def reloading(self) -> None:
        self._manager.reloading()

    def reloaded(self, result: str) -> None:
        """A reload has ended, well or not."""
        self._manager.ready(f"{self._status}; {result}")

    def stopping(self) -> None:
        self._manager.stopping("requests in flight finish, then tunnels and event streams")

    def close(self) -> None:
        if self._alive is not None:
            self._alive.cancel()

    async def _say_alive(self, every_s: float) -> None:
        while True:
            self._manager.alive()
            await asyncio.sleep(every_s)
