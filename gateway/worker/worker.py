"""The objects of one worker, each made once and wired to the others."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry

from discovery.health.machine import ProbeTimes, Thresholds
from discovery.member.member import Member
from discovery.model.addresses import AddressPolicy
from discovery.model.fixed import FixedService
from discovery.view.view import View
from gateway.config.settings import GatewaySettings
from gateway.explaining.unavailability import Unavailability
from gateway.forwarding.memories import sender_memory
from gateway.forwarding.plain_answers import PlainAnswers
from gateway.front.plain_heads import PlainRequests
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
from middlewares.clients.clients import Clients
from middlewares.failures import NoView
from middlewares.limits.limiter import SharedLimiter
from middlewares.ports import Listener
from middlewares.routing.deciding import Table
from middlewares.routing.routing import Routing
from middlewares.telemetry.discovery_metrics import DiscoveryCollector
from middlewares.telemetry.logs import lines_dropped
from middlewares.telemetry.metrics import GatewayMetrics


class Gateway:
    """One worker's objects, wired; it does no I/O before the application starts."""

    def __init__(self, settings: GatewaySettings, fixed: Iterable[FixedService] = ()) -> None:
        self.settings = settings
        #: Where ADMIN_LISTEN is bound; set once it is.
        self.admin_listener: Listener | None = None
        self.lifecycle = Lifecycle()
        self.descriptors = Descriptors.of_this_process()
        self.metrics = GatewayMetrics(CollectorRegistry(), build_info())
        self.routing = Routing(Table(settings.route_policy))
        self.senders = sender_memory()
        self.plain_answers = PlainAnswers()
        self.clients = Clients(settings.trusted)
        self.plain_requests = PlainRequests(settings.max_request_head_bytes, self.clients.trusts)
        self.guard = AdminGuard(settings.admin_token)
        self.dialer = Dialer(AddressPolicy(settings.allowed_hosts))
        self.dialer.requests_below = self.descriptors.requests_below
        self.upstreams = UpstreamClient(
            self.dialer, settings.upstream_limits, self.plain_answers.read
        )
        self.member = member = Member(
            settings.registry,
            traffic=self.upstreams,
            probe=HealthProbe(
                self.dialer,
                settings.health_check_timeout,
                connect_s=settings.upstream_connect_timeout,
            ),
            thresholds=Thresholds(settings.health_fall, settings.health_rise),
            times=ProbeTimes(settings.health_check_interval),
            remove_after_s=settings.unhealthy_remove_after,
            view_file=settings.view_file,
            starts_from_file=settings.start_without_registry == "view",
            fixed=fixed,
        )
        self.overlay = member.overlay
        self.evidence = TrafficEvidence(self.upstreams, member.health.health, member.prober.doubt)
        self.limiter = SharedLimiter(
            settings.registry, live_workers=lambda: member.sweeper.live_workers
        )
        self.unavailability = Unavailability(lambda: member.view, member.health, self.guard)
        self.instance_counts = InstanceCounts(lambda: member.view, member.health)
        self._measure()

    async def lifespan(self, _app: web.Application) -> AsyncIterator[None]:
        """Run the background work in order of dependency; it ends in reverse order."""
        tls_context()  # read now: without a free descriptor it would trust no authority, for ever
        counted = partial(running, metrics=self.metrics)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.member.lifespan(counted))
            stack.push_async_callback(self.limiter.close)
            stack.callback(self.upstreams.close)
            for name, run in (
                ("limiter", self.limiter.run),
                ("upstreams", self.upstreams.run),
                ("evidence", self.evidence.run),
                ("loop_lag", lambda: measure_loop_lag(self.metrics.loop_lag.observe)),
            ):
                await stack.enter_async_context(counted(name, run))
            yield

    def routed_view(self) -> View:
        """The view that requests are routed by; raises NoView while there is none.

        Until the registry is heard of, it has the services with fixed addresses alone.
        """
        view = self.overlay.routed
        if view is None:
            raise NoView
        return view

    def _measure(self) -> None:
        """Let the metrics ask the worker's objects when they are scraped."""
        member, metrics = self.member, self.metrics
        metrics.clients_refused = lambda: self.descriptors.refused
        metrics.connections_of = self.upstreams.connections
        metrics.log_lines_dropped = lines_dropped
        metrics.memories = lambda: (
            self.plain_requests.fields,
            self.plain_answers.fields,
            self.senders,
            *self.clients.memories(),
        )
        metrics.registry.register(
            DiscoveryCollector(
                instances=self.instance_counts,
                registry_up=lambda: member.watcher.connected,
                registry_writable=lambda: member.sweeper.writable,
                view_age_s=lambda: member.view_age_s,
                mass_losses=lambda: member.mass_losses.counts,
            )
        )


GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)
