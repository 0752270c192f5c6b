"""Wakes all live feeds when a notification has come, through any instance."""

import asyncio

from middlewares.failures import DependencyUnavailable
from services.notification.store import NEWS_BLOCK_MS, NotificationStore

#: A wait that lasts longer than this hangs.
WAIT_TIMEOUT_S = NEWS_BLOCK_MS / 1000 + 2
RETRY_S = 0.5


class Bell:
    """Only says that there is news; each feed reads it by itself, at its client's pace."""

    def __init__(self, store: NotificationStore) -> None:
        self._store = store
        self._next = asyncio.Event()

    @property
    def next_ring(self) -> asyncio.Event:
        """The event that the next ring sets; take it before reading, wait for it afterwards."""
        return self._next

    def ring(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def run(self) -> None:
        while True:
            try:
                # Notifications that came while nobody listened count too.
                position = await self._store.newest_id()
                self.ring()
                await self._listen(position)
            except (DependencyUnavailable, TimeoutError):
                await asyncio.sleep(RETRY_S)

    async def _listen(self, position: str) -> None:
        while True:
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                newest = await self._store.wait_after(position)
            if newest != position:
                position = newest
                self.ring()
