"""The objects of one worker, each made once and wired to the others."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CollectorRegistry

from discovery.base.steps import Steps
from discovery.health.machine import ProbeTimes, Thresholds
from discovery.member.member import Member
from discovery.model.addresses import AddressPolicy
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
from gateway.siblings.siblings import Siblings
from gateway.upstream.client import UpstreamClient
from gateway.upstream.dialing import Dialer
from gateway.upstream.tls_terms import tls_context
from gateway.worker.background import running
from gateway.worker.build_info import build_info
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.configuration.reloading import Configuration, Means
from gateway.worker.front_tls import FrontTls
from gateway.worker.instance_counts import InstanceCounts
from gateway.worker.lifecycle import Lifecycle
from gateway.worker.loop_lag import measure_loop_lag
from gateway.worker.own_certificates import OwnCertificates
from gateway.worker.own_paths import ALL, ON_BOTH_PORTS, any_of
from middlewares.candidates.lookup import Lookup
from middlewares.clients.clients import Clients
from middlewares.exchange import EXCHANGE
from middlewares.failures import NoView
from middlewares.limits.deciding import Policy
from middlewares.limits.limiter import SharedLimiter
from middlewares.ports import Listener, came_to
from middlewares.routing.configured import ConfiguredTable
from middlewares.routing.deciding import Table
from middlewares.routing.recent import RecentRequests
from middlewares.routing.routing import Routing
from middlewares.telemetry.certificate_metrics import CertificateCollector
from middlewares.telemetry.configuration_metrics import ConfigurationCollector
from middlewares.telemetry.discovery_metrics import DiscoveryCollector, verdict_delays
from middlewares.telemetry.logs import lines_dropped
from middlewares.telemetry.metrics import GatewayMetrics

if TYPE_CHECKING:  # a gateway without a file, or of one process, loads nothing of these
    from gateway.config.compiled.compiling import Compiled
    from gateway.siblings.shared_ports import SharedPorts
    from gateway.siblings.summing.scraping import GatewayScrapes
    from gateway.worker.configuration.together import Together
    from gateway.worker.parts_of_file import PartsOfFile


class Gateway:
    """One worker's objects, wired; it does no I/O before the application starts."""

    def __init__(
        self,
        settings: GatewaySettings,
        at_start: AtStart | None = None,
        siblings: Siblings | None = None,
    ) -> None:
        self.settings = settings
        #: The other workers of this gateway.
        self.siblings = siblings = siblings or Siblings()
        #: Where ADMIN_LISTEN is bound; set once it is.
        self.admin_listener: Listener | None = None
        self.lifecycle = Lifecycle()
        self.descriptors = Descriptors.of_this_process()
        self.metrics = GatewayMetrics(CollectorRegistry(), build_info())
        self.recent = RecentRequests(settings.recent_requests)
        self._is_own = any_of(ON_BOTH_PORTS if settings.admin_listen else ALL)
        if at_start is None:
            self.routing = Routing(Table(settings.route_policy))
        else:
            self.routing = Routing(self.table_of(at_start.compiled))
        self.senders = sender_memory()
        self.plain_answers = PlainAnswers()
        self.clients = Clients(settings.trusted)
        self.plain_requests = PlainRequests(
            settings.max_request_head_bytes,
            self.clients.trusts,
            has_file=at_start is not None,
        )
        self.guard = AdminGuard(settings.admin_token)
        self.dialer = Dialer(AddressPolicy(settings.allowed_hosts))
        self.dialer.requests_below = self.descriptors.requests_below
        if at_start is not None:
            self.dialer.tls.take(at_start.compiled.upstream_tls)
        self.upstreams = UpstreamClient(
            self.dialer, settings.upstream_limits.shared(siblings.share), self.plain_answers.read
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
            times=ProbeTimes(
                settings.health_check_interval, timeout_s=settings.health_check_timeout
            ),
            remove_after_s=settings.unhealthy_remove_after,
            view_file=settings.view_file,
            starts_from_file=settings.start_without_registry == "view",
            fixed=() if at_start is None else at_start.compiled.fixed,
            gateway=siblings.gateway,
            siblings=None if siblings.alone else siblings,
            workers=siblings.count,
        )
        self.overlay = member.overlay
        #: The candidates of services, for all layers that ask for some.
        self.lookup = Lookup(lambda: self.overlay.routed, member.health)
        #: The file of GATEWAY_CONFIG; None without one.
        self.configuration = None if at_start is None else self._follow(at_start)
        #: Reloads the file with the siblings; None: it has none of either.
        self.together = self._together(at_start)
        self.evidence = TrafficEvidence(self.upstreams, member.health.health, member.prober.doubt)
        #: What only a file asks for; None without one.
        self.of_file = parts = None if at_start is None else self._read_file(at_start.compiled)
        self.watched = None if parts is None else parts.watched
        self.ways = None if parts is None else parts.ways
        self.splitting = None if parts is None else parts.splitting
        self.remembering = None if parts is None else parts.remembering
        self.compositions = None if parts is None else parts.compositions
        self.versioning = None if parts is None else parts.versioning
        self.validating = None if parts is None else parts.validating
        self.mirroring = None if parts is None else parts.mirroring
        #: TLS at the front; None where neither a file nor a variable can ask for it.
        self.tls = self._speak_tls(at_start)
        #: The certificates that it gets by itself; None where it can't speak TLS.
        self.own_certificates = None if self.tls is None else self._certify(self.tls, at_start)
        self.limiter = SharedLimiter(
            settings.registry, live_workers=lambda: member.sweeper.live_workers
        )
        self.unavailability = Unavailability(lambda: member.view, member.health, self.guard)
        self.instance_counts = InstanceCounts(lambda: member.view, member.health)
        #: Adds up what all workers count; None in a gateway of one process.
        self.scrapes = None if siblings.alone else self._add_up()
        self._measure()
        if self.configuration is not None:
            self._measure_file(self.configuration)

    def table_of(self, compiled: "Compiled") -> ConfiguredTable:
        """The routing table of a compiled file."""
        return ConfiguredTable(
            compiled.policy,
            compiled.prefix,
            compiled.matcher,
            policies=compiled.policies,
            is_own=self._is_own,
            has_cors=compiled.has_cors,
            recent=self.recent if self.settings.recent_requests else None,
        )

    @property
    def limits(self) -> Sequence[Policy]:
        """The limits in force."""
        if self.configuration is None:
            return self.settings.route_policy.limits
        return self.configuration.in_force.limits

    def _follow(self, at_start: AtStart) -> "Configuration[Compiled]":
        """What reloads the file."""
        means = Means(
            read=at_start.read,
            differences=at_start.differences,
            put_in_force=self._put_in_force,
            parts=at_start.parts,
        )
        return Configuration(at_start.file, at_start.compiled, at_start.origin, means)

    def _together(self, at_start: AtStart | None) -> "Together[Compiled] | None":
        if self.siblings.alone:
            return None
        from gateway.worker.configuration.together import Together, answer_without_file

        if self.configuration is None or at_start is None:
            answer_without_file(self.siblings)
            return None
        return Together(self.siblings, self.configuration, at_start.whole)

    def _read_file(self, compiled: "Compiled") -> "PartsOfFile":
        from gateway.worker.parts_of_file import PartsOfFile

        return PartsOfFile(
            compiled,
            self.settings,
            member=self.member,
            metrics=self.metrics,
            clients=self.clients,
            routing=self.routing,
            dialer=self.dialer,
            lookup=self.lookup,
            scheme_of=self.scheme_of,
            catalogue=self.routed_view,
        )

    def scheme_of(self, request: web.Request) -> str:
        """What the client used, `http` or `https`, which a trusted proxy may have said."""
        section = request[EXCHANGE].section
        return self.clients.scheme_of(request.remote or "", request.scheme, section)

    def host_of(self, request: web.Request) -> bytes:
        """The host that the client used, which a trusted proxy may have said; empty if there is none."""
        exchange = request[EXCHANGE]
        asked = exchange.asked_host
        return self.clients.host_of(request.remote or "", asked, exchange.section)

    def _speak_tls(self, at_start: AtStart | None) -> FrontTls | None:
        files, acme = self.settings.tls_files, self.settings.acme
        if at_start is None and files is None and acme is None:
            return None
        member, siblings = self.member, self.siblings

        def ports() -> "SharedPorts":
            from gateway.siblings.shared_ports import SharedPorts

            return SharedPorts(siblings)

        tls = FrontTls(
            files,
            self.settings.gateway_host,
            self.descriptors,
            lambda: member.url,
            acme,
            ports=ports,
        )
        if at_start is not None or acme is not None:
            tls.take(None if at_start is None else at_start.compiled.tls)
        self.metrics.handshakes = tls.handshakes_ended
        return tls

    def _certify(self, tls: FrontTls, at_start: AtStart | None) -> OwnCertificates:
        settings = self.settings
        made = OwnCertificates(
            settings.registry,
            settings.acme,
            tls,
            worker=self.member.worker,
            view_file=settings.view_file,
            siblings=self.siblings,
        )
        made.take(None if at_start is None else at_start.compiled.acme)
        self.metrics.registry.register(
            CertificateCollector(ends_in_s=made.ends_in_s, failures=made.failures)
        )
        return made

    def _put_in_force(self, compiled: "Compiled") -> Steps[None]:
        parts, tls, certificates = self.of_file, self.tls, self.own_certificates
        assert parts is not None, "there is a file"
        assert tls is not None, "there is a file"
        assert certificates is not None, "there is TLS"
        # The instances first: no request is routed to a service whose addresses are not there yet.
        parts.watched.take(compiled.policies)
        self.dialer.tls.take(compiled.upstream_tls)
        yield from self.member.overlay.replacing(compiled.fixed)
        yield from parts.splitting.taking(compiled)
        # In one step, since a route of the table names its ways.
        parts.ways.take(compiled.ways)
        self.routing.swap(self.table_of(compiled), parts.ways.live)
        tls.take(compiled.tls)
        certificates.take(compiled.acme)
        yield from parts.remembering.taking(compiled)
        parts.validating.take(compiled)
        self._follow_scheme()
        parts.watched.drop_others(compiled.policies)

    async def keys_changed(self) -> None:
        """Wait until this worker has what was just done to the API keys."""
        if self.ways is not None:
            await self.ways.keys_changed()

    @property
    def scheme(self) -> str:
        """What the public port speaks."""
        return "https" if self.tls is not None and self.tls.is_asked_for else "http"

    def _follow_scheme(self) -> None:
        """Tell services the new address where a reload has switched TLS on or off."""
        url = self.member.url
        if url and not self.settings.gateway_url:
            self.member.url = f"{self.scheme}://{url.partition('://')[2]}"

    def came_to_admin(self, request: web.Request) -> bool:
        """Whether a request came in by the port of ADMIN_LISTEN."""
        return self.admin_listener is not None and came_to(self.admin_listener, request)

    async def lifespan(self, _app: web.Application) -> AsyncIterator[None]:
        """Run the background work in order of dependency; it ends in reverse order."""
        if self.tls is not None:
            self.tls.read_files()
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
            if self.scrapes is not None:  # there are several workers
                await stack.enter_async_context(counted("siblings", self.siblings.run))
                await stack.enter_async_context(counted("counters", self.scrapes.run))
            if self.configuration is not None:
                watch = self.configuration.watch
                await stack.enter_async_context(counted("configuration", watch))
            if self.tls is not None:
                stack.callback(self.tls.close)
                await stack.enter_async_context(counted("tls", self.tls.run))
            if self.own_certificates is not None:
                run = self.own_certificates.run
                await stack.enter_async_context(counted("certificates", run))
            if self.of_file is not None:
                await self.of_file.run(stack, counted)
            yield

    def routed_view(self) -> View:
        """The view that requests are routed by; raises NoView while there is none.

        Until the registry is heard of, it has the services with fixed addresses alone.
        """
        view = self.overlay.routed
        if view is None:
            raise NoView
        return view

    def _add_up(self) -> "GatewayScrapes":
        from gateway.siblings.summing.scraping import GatewayScrapes

        return GatewayScrapes(self.siblings, self.metrics.registry)

    def _measure_file(self, configuration: "Configuration[Compiled]") -> None:
        self.metrics.registry.register(
            ConfigurationCollector(
                is_current=lambda: configuration.is_current,
                loaded_at_s=lambda: configuration.loaded_at_s,
            )
        )

    def _measure(self) -> None:
        """Let the metrics ask the worker's objects when they are scraped."""
        member, metrics = self.member, self.metrics
        metrics.clients_refused = lambda: self.descriptors.refused
        metrics.connections_of = self.upstreams.connections
        metrics.log_lines_dropped = lines_dropped
        metrics.limits_reserved = self.limiter.reserved
        metrics.memories = lambda: (
            self.plain_requests.fields,
            self.plain_answers.fields,
            self.senders,
            *self.clients.memories(),
        )
        if not self.siblings.alone:
            member.measure_verdicts(verdict_delays(metrics.registry))
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
