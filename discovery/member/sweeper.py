"""A gateway's sweeps: they remove what has lapsed and renew the gateway's own leases."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable

from ..base.logs import Log
from ..client.async_registry import AsyncServiceRegistry
from ..model.answers import Swept
from ..model.errors import RegistryUnavailable
from ..store import scripts
from .leases import LEASE_S

SWEEP_INTERVAL_S = 0.4

_log = Log()


class Sweeper:
    """Sweeps at short intervals; each sweep renews the leases of this gateway and this worker."""

    def __init__(
        self,
        registry: AsyncServiceRegistry,
        *,
        gateway: str,
        remove_after_s: float,
        on_new_lease: Callable[[], None],
        worker: str = "",
        url: Callable[[], str] = lambda: "",
        on_lapse: Callable[[], None] = lambda: None,
        workers: int = 1,
    ) -> None:
        """`on_lapse` is called where the worker's own lease may have lapsed meanwhile.

        `workers` is how many this gateway is to have: so many count before the registry has answered.
        """
        self.live_gateways = 1
        self.live_workers = workers
        #: Whether the registry took the last sweep: it answers and can be written.
        self.writable = False
        self._worker = worker
        self._remove_after_s = remove_after_s
        self._registry = registry
        self._gateway = gateway
        self._url = url
        self._on_new_lease = on_new_lease
        self._on_lapse = on_lapse
        #: When the last sweep was sent that the registry took.
        self._renewed_s = time.monotonic()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_INTERVAL_S * random.uniform(0.8, 1.2))

    async def sweep(self) -> Swept | None:
        """Sweep once; then the leases are held. None: the registry does not take the sweep."""
        command = scripts.sweep(
            self._gateway,
            LEASE_S,
            self._remove_after_s,
            worker=self._worker,
            worker_lease_s=LEASE_S,
            url=self._url(),
        )
        sent_s = time.monotonic()
        try:
            swept = await self._registry.call(command)
        except RegistryUnavailable as error:
            self._note_writable(False, str(error))
            return None
        self._note_writable(True)
        for key in swept.mended:
            _log.warning("registry.key_of_another_type", key=key, detail="it was taken away")
        self._count(swept)
        if time.monotonic() - self._renewed_s > LEASE_S:
            self._on_lapse()
        self._renewed_s = sent_s
        if swept.new_lease:
            self._on_new_lease()
        return swept

    async def drop(self, worker: str) -> None:
        """Drop the lease of a sibling that has ended, so that nobody waits for it."""
        command = scripts.sweep("", 0, self._remove_after_s, worker=worker)
        with contextlib.suppress(RegistryUnavailable):  # then it lapses
            self._count(await self._registry.call(command))

    async def leave(self) -> None:
        """Drop the worker's lease, so that nobody waits for it. The registry may be away."""
        command = scripts.sweep("", 0, self._remove_after_s, worker=self._worker)
        with contextlib.suppress(RegistryUnavailable):
            await self._registry.call(command)

    def _count(self, swept: Swept) -> None:
        self.live_workers = max(1, swept.live_workers)
        self.live_gateways = max(1, swept.live_gateways)

    def _note_writable(self, writable: bool, detail: str = "") -> None:
        if self.writable and not writable:
            _log.warning("registry.not_writable", detail=detail)
        self.writable = writable
