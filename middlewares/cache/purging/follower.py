"""Reads the log of purges for one worker, and finds out when it can't know what it has missed."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from middlewares.cache.purging.log import NOWHERE, RECORDS_PER_CALL, PurgeLog, Record

_OTHER_LOG: Final = "the registry's log of purges does not go on from what was known of it"
_OTHER_SERVER: Final = "another server has the registry, and may have lost purges"


class Lost(Protocol):
    """Is called where purges may have been lost; empty `why`: nothing was known before.

    `is_elsewhere`: another server has the registry.
    """

    async def __call__(self, why: str, *, is_elsewhere: bool = False) -> None: ...


class Follower:
    """Calls `do` for each record of other workers, which returns how many entries it took."""

    def __init__(
        self,
        log: PurgeLog,
        worker: str,
        *,
        do: Callable[[Record], Awaitable[int]],
        lost: Lost,
    ) -> None:
        #: How far it has read.
        self.place = NOWHERE
        self._log = log
        self._worker = worker
        self._do = do
        self._lost = lost
        self._connection: object = None
        self._server: str | None = None

    async def follow(self) -> None:
        """Read on to the end of the log. Raises RegistryUnavailable."""
        while True:
            page = await self._log.read(self.place)
            if self._log.connection is not self._connection:
                await self._identify()
                continue
            if not page.follows:
                is_first = self.place == NOWHERE
                await self._lost("" if is_first else _OTHER_LOG)
                self.place = page.place
                return
            await self._take(page.records)
            if len(page.records) < RECORDS_PER_CALL:
                return

    async def _identify(self) -> None:
        """Find out which server process the new connection leads to: another one may have lost purges."""
        while True:
            connection = self._log.connection
            page = await self._log.read(self.place, identify=True)
            if self._log.connection is connection:
                break
        self._connection = connection
        before, self._server = self._server, page.server
        if before is not None and not (before == page.server != ""):
            await self._lost(_OTHER_SERVER, is_elsewhere=True)

    async def _take(self, records: Sequence[Record]) -> None:
        """Do what others have purged, and confirm it to those who wait for it."""
        confirmations: dict[int, int] = {}
        for record in records:
            if record.worker != self._worker:
                count = await self._do(record)
                if record.awaited:
                    confirmations[record.revision] = count
            self.place = self.place._replace(revision=record.revision)
        if confirmations:
            await self._log.confirm(confirmations)
