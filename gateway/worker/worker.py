"""The parts of one worker, each made once and wired to the others."""

import asyncio
import contextlib
import functools
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from discovery.client.async_registry import AsyncServiceRegistry
from discovery.health.book import HealthBook
from discovery.health.machine import Health, ProbeTimes, Thresholds
from discovery.health.mass_loss import MassLosses
from discovery.health.prober import Prober
from discovery.member.housekeeping import Acknowledger, Reporter, Sweeper
from discovery.model.addresses import AddressPolicy
from discovery.model.errors import RegistryUnavailable
from discovery.model.instance import Instance
from discovery.store import scripts
from discovery.view.saved_view import SavedView
from discovery.view.saved_view import read as read_view
from discovery.view.view import View
from discovery.view.watcher import Watcher
from gateway.config.settings import GatewaySettings
from gateway.explaining.unavailability import Unavailability
from gateway.guard.admin import AdminGuard
from gateway.hop.probe import HealthProbe
from gateway.hop.traffic_evidence import TrafficEvidence
from gateway.machine.descriptors import Descriptors
from gateway.upstream.client import UpstreamClient
from gateway.upstream.dialing import Dialer, tls_context
from gateway.worker.background import running
from gateway.worker.build_info import build_info
from gateway.worker.instance_counts import InstanceCounts
from gateway.worker.lifecycle import Lifecycle
from gateway.worker.loop_lag import measure_loop_lag
from gateway.worker.registry_log import EventLog, log_health
from middlewares.clients.clients import Clients
from middlewares.failures import NoView
from middlewares.limits.limiter import SharedLimiter
from middlewares.ports import Listener
from middlewares.routing.deciding import Table
from middlewares.routing.routing import Routing
from middlewares.telemetry.discovery_metrics import DiscoveryCollector
from middlewares.telemetry.logs import lines_dropped
from middlewares.telemetry.metrics import GatewayMetrics

#: Keeps one call of the script short, however many instances there are.
LEASES_PER_CALL = 1000

_log = structlog.get_logger()


class Gateway:
    """The parts of one worker, wired; nothing here does I/O before the application starts."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.id = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        #: One of the gateway's processes; so far it has one.
        self.worker_id = f"{self.id}.{os.getpid()}"
        self.lifecycle = Lifecycle()
        self._routes = asyncio.Event()
        #: Where clients reach it, once that is known.
        self.url = ""
        #: Where ADMIN_LISTEN was bound, once it is.
        self.admin_listener: Listener | None = None
        self.metrics = GatewayMetrics(CollectorRegistry(), build_info())
        self.routing = Routing(Table(settings.route_policy))
        self.clients = Clients(settings.trusted)
        self.guard = AdminGuard(settings.admin_token)
        self.registry = AsyncServiceRegistry(settings=settings.registry)
        self.dialer = Dialer(
            AddressPolicy(settings.allowed_hosts), settings.upstream_connect_timeout
        )
        self.upstreams = UpstreamClient(self.dialer, settings.upstream_limits)
        self.descriptors = Descriptors.of_this_process()
        self.dialer.requests_below = self.descriptors.requests_below
        self.metrics.clients_refused = lambda: self.descriptors.refused
        self.metrics.connections_of = self.upstreams.connections
        self.metrics.log_lines_dropped = lines_dropped
        view_file = settings.view_file
        saved = None
        if view_file is not None and settings.start_without_registry == "view":
            saved = functools.partial(read_view, view_file)
        self.watcher = Watcher(settings.registry, saved)
        self.saved_view = SavedView(view_file, lambda: self.watcher.age_s) if view_file else None
        self.health = HealthBook(self._health_changed, self._still_unwell)
        self.unavailability = Unavailability(lambda: self.watcher.view, self.health, self.guard)
        self.mass_losses = MassLosses(self.health.status)
        self.instance_counts = InstanceCounts(lambda: self.watcher.view, self.health)
        self.reporter = Reporter(self.registry, self.id, self.health.health, self._say_everything)
        self.prober = Prober(
            probe=HealthProbe(self.dialer, settings.health_check_timeout),
            book=self.health,
            thresholds=Thresholds(settings.health_fall, settings.health_rise),
            times=ProbeTimes(settings.health_check_interval),
        )
        self.evidence = TrafficEvidence(self.upstreams, self.health.health, self.prober.doubt)
        self.sweeper = Sweeper(
            self.registry,
            gateway=self.id,
            remove_after_s=settings.unhealthy_remove_after,
            on_new_lease=self._say_everything,
            worker=self.worker_id,
            url=lambda: self.url,
        )
        self.acknowledger = Acknowledger(self.registry, self.worker_id, self.upstreams.unanswered)
        self.limiter = SharedLimiter(
            settings.registry, live_workers=lambda: self.sweeper.live_workers
        )
        # Before the prober, which forgets the health of what goes.
        self.watcher.listen(EventLog(self.health.health).view_changed)
        self.watcher.listen(self.prober.view_changed)
        self.watcher.listen(self.upstreams.view_changed)
        self.watcher.listen(self.reporter.view_changed)
        # After the upstreams, which by then hold no idle connection to what drains.
        self.watcher.listen(self.acknowledger.view_changed)
        self.watcher.listen(self.mass_losses.view_changed)
        if self.saved_view is not None:
            self.watcher.listen(self.saved_view.view_changed)
        self.metrics.registry.register(
            DiscoveryCollector(
                instances=self.instance_counts,
                registry_up=lambda: self.watcher.connected,
                registry_writable=lambda: self.sweeper.writable,
                view_age_s=lambda: self.watcher.age_s if self.watcher.has_view else None,
                mass_losses=lambda: self.mass_losses.counts,
            )
        )

    async def lifespan(self, _app: web.Application) -> AsyncIterator[None]:
        """Background work, in the order in which one needs the other; undone in reverse."""
        tls_context()  # read now: without a descriptor it would know no authority, for ever
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.registry.close)
            stack.push_async_callback(self.sweeper.leave)
            stack.push_async_callback(self.limiter.close)
            stack.push_async_callback(self.prober.close)
            stack.callback(self.upstreams.close)
            for name, run in (
                ("limiter", self.limiter.run),
                ("reporter", self.reporter.run),
                ("acknowledger", self.acknowledger.run),
                ("upstreams", self.upstreams.run),
                ("evidence", self.evidence.run),
                ("watcher", self.watcher.run),
                ("sweeper", self.sweeper.run),
                ("routing", self._begin_to_route),
                ("loop_lag", lambda: measure_loop_lag(self.metrics.loop_lag.observe)),
            ):
                await stack.enter_async_context(running(name, run, self.metrics))
            if self.saved_view is not None:
                await stack.enter_async_context(
                    running("saved_view", self.saved_view.run, self.metrics)
                )
            yield

    @property
    def routes(self) -> bool:
        """Requests are routed: there is a view, and a lease where the registry gives one."""
        return self._routes.is_set()

    def routed_view(self) -> View:
        """The view that requests are routed by; NoView until they are."""
        if not self.routes:
            raise NoView
        return self.watcher.view

    async def ready(self) -> None:
        """Wait until requests are routed."""
        await self._routes.wait()

    async def may_listen(self, view_within_s: float) -> None:
        """Wait until connections are to be taken: requests are routed, or no view came in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(view_within_s):
                await self.watcher.ready()
        if self.watcher.has_view:
            await self.ready()

    async def _begin_to_route(self) -> None:
        """Background work that only waits at last: a view, then a lease that every drain waits for.

        A drain that began before the lease is in the view then. Without the registry there is no lease.
        """
        await self.watcher.ready()
        swept = await self.sweeper.sweep()
        if swept is not None:
            await self.watcher.reached(swept.epoch, swept.revision)
        self._routes.set()
        _log.info(
            "gateway.routing", view_from=self._view_from, services=len(self.watcher.view.services)
        )
        await asyncio.Event().wait()

    async def heartbeats(self, instances: Sequence[Instance]) -> dict[str, int]:
        """When these last sent a heartbeat, by key, Unix ms; empty while the registry is away."""
        heartbeats_ms: dict[str, int] = {}
        try:
            for begin in range(0, len(instances), LEASES_PER_CALL):
                some = instances[begin : begin + LEASES_PER_CALL]
                said = await self.registry.call(scripts.leases(some))
                heartbeats_ms.update(said)
        except RegistryUnavailable:
            return {}
        return heartbeats_ms

    def registry_state(self) -> Mapping[str, Any]:
        view = self.watcher.view
        return {
            "connected": self.watcher.connected,
            "epoch": view.epoch,
            "revision": view.revision,
            "view_age_s": round(self.watcher.age_s, 3) if self.watcher.has_view else None,
            "stale": not self.watcher.connected,
            "view_from": self._view_from,
            "writable": self.sweeper.writable,
            "live_gateways": self.sweeper.live_gateways,
            "live_workers": self.sweeper.live_workers,
        }

    @property
    def _view_from(self) -> str | None:
        if not self.watcher.has_view:
            return None
        return "file" if self.watcher.from_file else "registry"

    def stale_for_s(self) -> float | None:
        return None if self.watcher.connected else self.watcher.age_s

    def _health_changed(self, instance: Instance, before: Health, after: Health) -> None:
        log_health(instance, before, after)
        self.mass_losses.health_changed(self.watcher.view, instance)
        if after.status != before.status:  # a suspicion is this gateway's own affair
            self.reporter.health_changed(instance, before.status, after)

    def _still_unwell(self, instance: Instance, health: Health) -> None:
        self.reporter.still_unwell(instance, health)

    def _say_everything(self) -> None:
        """The registry knows nothing of this gateway (any more): say it all again."""
        self.acknowledger.say_again()
        for key, health in self.health.worth_telling().items():
            self.reporter.say(key, health.status, health.told)


GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)
