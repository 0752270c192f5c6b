"""What a gateway is to a registry: it follows it, judges instances, and reports its verdicts."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..base.logs import Log
from ..base.stepping import in_steps
from ..client.async_registry import AsyncServiceRegistry
from ..health.book import HealthBook
from ..health.machine import Health, ProbeTimes, Thresholds
from ..health.mass_loss import MassLosses
from ..health.prober import Probe, Prober
from ..health.siblings import Siblings
from ..model.errors import RegistryUnavailable
from ..model.fixed import FixedService
from ..model.instance import Instance
from ..model.settings import RegistrySettings
from ..store import scripts
from ..view.overlay import Overlay
from ..view.saved_view import SavedView, read
from ..view.view import Event, View
from ..view.watcher import Watcher
from .acknowledger import Acknowledger
from .event_log import EventLog, log_health
from .reporter import Reporter
from .sweeper import Sweeper
from .team import Team, worker_name

#: Keeps each call of the script short, however many instances there are.
LEASES_PER_CALL = 1000

#: Runs work that never returns, under a name, for as long as the block lasts.
Running = Callable[[str, Callable[[], Awaitable[None]]], AbstractAsyncContextManager[None]]

_log = Log()


class Traffic(Protocol):
    """What the gateway sends to instances."""

    def view_changed(self, before: View, after: View, event: Event | None) -> None:
        """Called after each change of the view: nothing new goes to a draining or removed instance."""
        ...

    def instance_moved(self, key: str, instance: Instance) -> None:
        """Called before that, where the instance that has had this key has another now."""
        ...

    def unanswered(self, key: str) -> int:
        """The requests at an instance that are not sent or not answered yet."""
        ...


class Member:
    """One worker of a gateway, as the registry knows it; it does no I/O before its `lifespan`."""

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        traffic: Traffic,
        probe: Probe,
        thresholds: Thresholds,
        times: ProbeTimes,
        remove_after_s: float,
        view_file: Path | None = None,
        starts_from_file: bool = False,
        fixed: Iterable[FixedService] = (),
        gateway: str | None = None,
        siblings: Siblings | None = None,
        workers: int = 1,
    ) -> None:
        """`gateway` is the name that all workers of a gateway share; a new one if it is left out.

        `siblings` are these workers; None: this one is the gateway's only process. `workers` is how many
        there are to be.

        `view_file` keeps the view; with `starts_from_file`, a start without the registry uses it.

        `fixed` are the services to begin with; `replace_fixed` takes others while it runs.
        """
        self.gateway = gateway or f"{socket.gethostname()}-{secrets.token_hex(4)}"
        #: One of the gateway's processes.
        self.worker = worker_name(self.gateway, str(os.getpid()))
        #: Where clients reach the gateway; empty until that is known.
        self.url = ""
        self.registry = AsyncServiceRegistry(settings=settings)
        saved = partial(read, view_file) if view_file and starts_from_file else None
        #: This worker and its siblings; None: there are none.
        self._team = team = (
            None if siblings is None else Team(siblings, self.gateway, lambda: self.watcher)
        )
        self._speaks_for = speaks_for = _always if team is None else team.sharing.speaks_for
        self.watcher = Watcher(settings, saved, None if team is None else team.view)
        #: The watcher's view with the fixed services; what concerns the registry alone listens to the watcher.
        self.overlay = Overlay()
        self._fixed_at_start = tuple(fixed)
        self.health = HealthBook(self._health_changed, self._still_unwell)
        self.prober = Prober(
            probe=probe,
            book=self.health,
            thresholds=thresholds,
            times=times,
            sharing=None if team is None else team.sharing,
        )
        if team is not None:
            team.join(self.prober)
        self.mass_losses = MassLosses(self.health.status, speaks_for)
        self.sweeper = Sweeper(
            self.registry,
            gateway=self.gateway,
            remove_after_s=remove_after_s,
            on_new_lease=self._say_everything,
            worker=self.worker,
            url=lambda: self.url,
            on_lapse=lambda: self._acknowledger.say_again(),
            workers=workers,
        )
        self.watcher.followers = lambda: self.sweeper.live_workers
        self._reporter = Reporter(
            self.registry,
            self.gateway,
            self.health.health,
            self._say_everything,
            concerns_registry=lambda key: not self.overlay.is_fixed(key),
            speaks_for=speaks_for,
        )
        self._acknowledger = Acknowledger(self.registry, self.worker, traffic.unanswered)
        self._saved_view = (
            SavedView(view_file, lambda: self.watcher.age_s, lambda: speaks_for(str(view_file)))
            if view_file
            else None
        )
        #: Whether there is a view to route by, and a lease if the registry answers.
        self.is_ready = False
        self._ready = asyncio.Event()
        # Before the prober, which forgets the health of removed instances.
        self.watcher.listen(EventLog(self.health.health, speaks_for).view_changed)
        self.watcher.listen(self.overlay.registry_changed)
        self.overlay.listen(self.prober.view_changed, self.prober.instance_moved)
        self.overlay.listen(traffic.view_changed, traffic.instance_moved)
        self.watcher.listen(self._reporter.view_changed)
        # After the traffic, which by then has closed its idle connections to draining instances.
        self.watcher.listen(self._acknowledger.view_changed)
        self.watcher.listen(self.mass_losses.view_changed)
        if self._saved_view is not None:
            self.watcher.listen(self._saved_view.view_changed)

    @asynccontextmanager
    async def lifespan(self, running: Running) -> AsyncIterator[None]:
        """Follow, probe, sweep and report while the block runs; at its end drop the worker's lease."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.registry.close)
            stack.push_async_callback(self.sweeper.leave)
            stack.push_async_callback(self.prober.close)
            await self.replace_fixed(self._fixed_at_start)
            for name, run in (
                ("reporter", self._reporter.run),
                ("acknowledger", self._acknowledger.run),
                ("watcher", self.watcher.run if self._team is None else self._team.follow),
                ("sweeper", self.sweeper.run),
                ("routing", self._become_ready),
            ):
                await stack.enter_async_context(running(name, run))
            if self._team is not None:
                run = partial(self._team.run, self.sweeper, self._reporter)
                await stack.enter_async_context(running("team", run))
            if self._saved_view is not None:
                await stack.enter_async_context(running("saved_view", self._saved_view.run))
            yield

    def measure_verdicts(self, took: Callable[[float], None]) -> None:
        """Call `took` with how long the verdict of a sibling was on its way, in seconds."""
        if self._team is not None:
            self._team.sharing.on_delay = took

    async def replace_fixed(self, services: Iterable[FixedService]) -> None:
        """Take these services with fixed addresses in place of all others, in one change of the view.

        Call it again only after it has returned.
        """
        await in_steps(self.overlay.replacing(services))

    @property
    def view(self) -> View:
        """What is registered, and what the file says."""
        return self.overlay.view

    async def ready(self, view_within_s: float | None = None) -> None:
        """Wait until it is ready, or until no view has come in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(view_within_s):
                await self.watcher.ready()
        if self.watcher.has_view:
            await self._ready.wait()

    @property
    def view_age_s(self) -> float | None:
        """How long ago the registry last said that the view is current; None without a view."""
        return self.watcher.age_s if self.watcher.has_view else None

    def stale_for_s(self) -> float | None:
        """How long the registry has been away; None while it answers."""
        return None if self.watcher.connected else self.watcher.age_s

    def state(self) -> Mapping[str, Any]:
        """Its state and the registry's, as `/status` shows it."""
        age_s = self.view_age_s
        return {
            "connected": self.watcher.connected,
            "epoch": self.watcher.view.epoch,
            "revision": self.watcher.view.revision,
            "view_age_s": None if age_s is None else round(age_s, 3),
            "stale": not self.watcher.connected,
            "view_from": self._view_from,
            "writable": self.sweeper.writable,
            "live_gateways": self.sweeper.live_gateways,
            "live_workers": self.sweeper.live_workers,
        }

    async def heartbeats(self, instances: Sequence[Instance]) -> dict[str, int]:
        """When these instances last sent a heartbeat, Unix ms by key; empty while the registry is away."""
        heartbeats_ms: dict[str, int] = {}
        try:
            for begin in range(0, len(instances), LEASES_PER_CALL):
                some = instances[begin : begin + LEASES_PER_CALL]
                said = await self.registry.call(scripts.leases(some))
                heartbeats_ms.update(said)
        except RegistryUnavailable:
            return {}
        return heartbeats_ms

    async def _become_ready(self) -> None:
        """Wait for a view, then for a lease, so that every later drain waits for this worker.

        A drain that began before the lease is in the view. Without the registry there is no lease.
        """
        await self.watcher.ready()
        swept = await self.sweeper.sweep()
        if swept is not None:
            await self.watcher.reached(swept.epoch, swept.revision)
        self.overlay.route_all()
        self.is_ready = True
        self._ready.set()
        _log.info("gateway.routing", view_from=self._view_from, services=len(self.view.services))
        await asyncio.Event().wait()

    @property
    def _view_from(self) -> str | None:
        if not self.watcher.has_view:
            return None
        return self.watcher.view_from

    def _health_changed(self, instance: Instance, before: Health, after: Health) -> None:
        self.mass_losses.health_changed(self.watcher.view, instance)
        if not self._speaks_for(instance.key):
            return
        log_health(instance, before, after)
        if after.status != before.status:  # a suspicion is not reported
            self._reporter.health_changed(instance, before.status, after)

    def _still_unwell(self, instance: Instance, health: Health) -> None:
        if self._speaks_for(instance.key):
            self._reporter.still_unwell(instance, health)

    def _say_everything(self) -> None:
        """Report every verdict again: the registry knows nothing of this gateway (any more)."""
        self._acknowledger.say_again()
        for key, health in self.health.worth_telling().items():
            self._reporter.say(key, health.status, health.told)


def _always(_key: str) -> bool:
    return True
