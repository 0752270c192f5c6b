"""What a gateway does for the registry: it keeps its own lease, sweeps, and reports health."""

import asyncio
import random
from collections.abc import Callable

import structlog

from discovery import commands
from discovery.async_registry import AsyncServiceRegistry
from discovery.errors import RegistryUnavailable
from discovery.health import Health
from discovery.instance import Instance
from discovery.view import Event, Status, View

SWEEP_INTERVAL_S = 0.4
GATEWAY_LEASE_S = 3.0
REPORT_RETRY_S = 0.5
#: Keeps one call of the script short, however many instances there are.
VERDICTS_PER_REPORT = 200

_log = structlog.get_logger()


class Reporter:
    """Tells the registry what this gateway thinks of each instance; a newer verdict replaces an older."""

    def __init__(
        self,
        registry: AsyncServiceRegistry,
        gateway: str,
        health_of: Callable[[str], Health],
    ) -> None:
        self._registry = registry
        self._health_of = health_of
        self._gateway = gateway
        self._unsaid: dict[str, tuple[str, str]] = {}
        self._something = asyncio.Event()

    def health_changed(self, instance: Instance, _before: Status, after: Health) -> None:
        self.say(instance.key, after.status, after.evidence)

    def view_changed(self, _before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher: where the registry has lost what was said, say it again.

        A registration begins with `starting` there, though this gateway may know the instance; and
        what was reported while the registry did not have the instance was not kept.
        """
        if event is None:
            entries = [entry for entry in after.entries() if entry.absent is None]
        elif event.kind == "registered":
            entry = after.services.get(event.service, {}).get(event.key)
            entries = [entry] if entry is not None else []
        else:
            return
        for entry in entries:
            health = self._health_of(entry.key)
            if health.status != "starting" and health.status != entry.status:
                self.say(entry.key, health.status, health.evidence)

    def say(self, key: str, status: Status, evidence: str) -> None:
        self._unsaid[key] = (status, evidence)
        self._something.set()

    async def run(self) -> None:
        """Report until cancelled; what could not be said is said later."""
        while True:
            await self._something.wait()
            batch = dict(list(self._unsaid.items())[:VERDICTS_PER_REPORT])
            verdicts = [(key, status, evidence) for key, (status, evidence) in batch.items()]
            try:
                await self._registry.call(commands.report(self._gateway, GATEWAY_LEASE_S, verdicts))
            except RegistryUnavailable:
                await asyncio.sleep(REPORT_RETRY_S)
                continue
            for key, said in batch.items():
                if self._unsaid.get(key) == said:
                    del self._unsaid[key]
            if not self._unsaid:
                self._something.clear()


class Sweeper:
    """Sweeps at short intervals; each sweep renews this gateway's lease."""

    def __init__(
        self,
        registry: AsyncServiceRegistry,
        *,
        gateway: str,
        remove_after_s: float,
        on_new_lease: Callable[[], None],
    ) -> None:
        self.live_gateways = 1
        self._registry = registry
        self._command = commands.sweep(gateway, GATEWAY_LEASE_S, remove_after_s)
        self._on_new_lease = on_new_lease

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                swept = await self._registry.call(self._command)
            except RegistryUnavailable as error:
                _log.debug("registry.sweep_failed", detail=str(error))
            else:
                self.live_gateways = max(1, swept.live_gateways)
                if swept.new_lease:
                    self._on_new_lease()
            await asyncio.sleep(SWEEP_INTERVAL_S * random.uniform(0.8, 1.2))
