"""Reports a gateway's verdicts to the registry."""

import asyncio
from collections.abc import Callable

from ..base.steps import Steps, at_once, slices
from ..client.async_registry import AsyncServiceRegistry
from ..health.machine import Health
from ..model.errors import RegistryUnavailable
from ..model.instance import Instance
from ..store import scripts
from ..view.view import Entry, Event, Status, View
from .leases import LEASE_S, RETRY_S

#: Keeps each call of the script short, however many instances there are.
VERDICTS_PER_REPORT = 200


class Reporter:
    """Reports this gateway's verdict on each instance; a newer verdict replaces an older one."""

    def __init__(
        self,
        registry: AsyncServiceRegistry,
        gateway: str,
        health_of: Callable[[str], Health],
        on_new_lease: Callable[[], None],
        concerns_registry: Callable[[str], bool] = lambda _key: True,
        speaks_for: Callable[[str], bool] = lambda _key: True,
    ) -> None:
        """Nothing is reported of instances that do not concern the registry.

        What the registry has lost is reported again by the worker that speaks for the instance.
        """
        self._registry = registry
        self._health_of = health_of
        self._on_new_lease = on_new_lease
        self._gateway = gateway
        self._concerns_registry = concerns_registry
        self._speaks_for = speaks_for
        self._unsaid: dict[str, tuple[str, str]] = {}
        self._something = asyncio.Event()

    def health_changed(self, instance: Instance, _before: Status, after: Health) -> None:
        self.say(instance.key, after.status, after.told)

    def still_unwell(self, instance: Instance, health: Health) -> None:
        """Report new evidence against an unwell instance, so that its owner can read it."""
        self.say(instance.key, health.status, health.told)

    def view_changed(self, _before: View, after: View, event: Event | None) -> None:
        """A listener of the watcher: reports a verdict again where the registry has lost it.

        A registration begins with `starting` in the registry, even if this gateway knows the instance, and
        the registry keeps no verdict on an instance that it does not have. A verdict that was not reported
        before its instance went is dropped, since another instance may register with the same id.
        """
        if event is None:
            at_once(self.saying_again(after))
            return
        entry_now = after.services.get(event.service, {}).get(event.key)
        if entry_now is None:
            self._unsaid.pop(event.key, None)
        elif event.kind == "registered":
            self._say_again(event.key, entry_now)

    def saying_again(self, view: View) -> Steps[None]:
        """Report the verdicts that the registry does not have."""
        for some in slices(view.entries()):
            for entry in some:
                self._say_again(entry.key, entry)
            yield

    def _say_again(self, key: str, entry: Entry) -> None:
        health = self._health_of(key)
        is_starting = health.status == "starting"
        is_news = bool(health.told) if is_starting else health.status != entry.status
        if entry.absent is None and is_news and self._speaks_for(key):
            self.say(key, health.status, health.told)

    def say(self, key: str, status: Status, evidence: str) -> None:
        if self._concerns_registry(key):
            self._unsaid[key] = (status, evidence)
            self._something.set()

    async def run(self) -> None:
        """Report until cancelled; what does not get through is reported later."""
        while True:
            await self._something.wait()
            batch = dict(list(self._unsaid.items())[:VERDICTS_PER_REPORT])
            verdicts = [(key, status, evidence) for key, (status, evidence) in batch.items()]
            try:
                command = scripts.report(self._gateway, LEASE_S, verdicts)
                reported = await self._registry.call(command)
            except RegistryUnavailable:
                await asyncio.sleep(RETRY_S)
                continue
            if reported.new_lease:
                self._on_new_lease()
            for key, said in batch.items():
                if self._unsaid.get(key) == said:
                    del self._unsaid[key]
            if not self._unsaid:
                self._something.clear()
