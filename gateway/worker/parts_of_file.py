"""The objects of one worker that only a configuration file asks for, each made once."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from aiohttp import web

from discovery.member.member import Member
from discovery.view.view import View
from gateway.config.compiled.compiling import Compiled
from gateway.config.settings import GatewaySettings
from gateway.hop.watched_services import WatchedServices
from gateway.upstream.dialing import Dialer
from gateway.worker.compositions import Compositions
from gateway.worker.mirroring import Mirroring
from gateway.worker.remembering import Remembering
from gateway.worker.splitting import Splitting
from gateway.worker.validating import Validating
from gateway.worker.versioning import Versioning
from gateway.worker.ways import Means, Ways
from middlewares.candidates.lookup import Lookup
from middlewares.clients.clients import Clients
from middlewares.routing.routing import Routing
from middlewares.telemetry.cache_metrics import CacheCollector
from middlewares.telemetry.metrics import GatewayMetrics
from middlewares.telemetry.mirror_metrics import MirrorCollector
from middlewares.telemetry.split_metrics import SplitCollector

#: Runs background work by its name for as long as the block does.
Counted = Callable[[str, Callable[[], Awaitable[None]]], AbstractAsyncContextManager[None]]


class PartsOfFile:
    """What routes of a file may have: ways of authentication, a cache, shares, copies and the rest.

    `catalogue` raises NoView while there is none. `scheme_of` tells what the client used.
    """

    def __init__(
        self,
        compiled: Compiled,
        settings: GatewaySettings,
        *,
        member: Member,
        metrics: GatewayMetrics,
        clients: Clients,
        routing: Routing,
        dialer: Dialer,
        lookup: Lookup,
        scheme_of: Callable[[web.Request], str],
        catalogue: Callable[[], View],
    ) -> None:
        overlay, limits = member.overlay, settings.client_limits
        #: The services with outliers or a breaker.
        self.watched = WatchedServices(member.health, lambda: member.view)
        self.watched.take(compiled.policies)
        #: The ways of authentication.
        self.ways = Ways(Means(settings.registry, metrics, limits))
        self.ways.take(compiled.ways)
        routing.ways = self.ways.live
        #: Which share of clients goes where.
        self.splitting = Splitting(
            compiled,
            registry=settings.registry,
            worker=member.worker,
            lookup=lookup,
            client_key=clients.limit_key,
        )
        #: What is kept of answers.
        self.remembering = Remembering(
            compiled,
            limits,
            registry=settings.registry,
            worker=member.worker,
            scheme_of=scheme_of,
            trusts=clients.has_sent,
            routing=routing,
            catalogue=catalogue,
            decide_share=self.splitting.decide,
        )
        #: What puts answers of services together.
        self.compositions = Compositions(limits.send_s)
        #: Which versions requests are for.
        self.versioning = Versioning(lambda: overlay.routed, metrics.registry)
        #: What holds requests against documents of services.
        self.validating = Validating(
            compiled, limits, dialer, lambda: overlay.routed, member.health
        )
        #: Copies of requests.
        self.mirroring = Mirroring(
            trusts=clients.has_sent,
            policy_for=lambda service: routing.table.policy_for(service),
        )
        # After the prober, which lets the book of health forget who is gone.
        overlay.listen(self.watched.view_changed, self.watched.instance_moved)
        overlay.listen(self.validating.keeper.view_changed)
        for collector in (
            self.watched.collector(),
            SplitCollector(self.splitting.numbers),
            CacheCollector(self.remembering.numbers),
            self.compositions.collector(),
            self.validating.collector(),
            MirrorCollector(self.mirroring.numbers),
        ):
            metrics.registry.register(collector)

    async def run(self, stack: AsyncExitStack, counted: Counted) -> None:
        """Begin the background work, which ends with the stack."""
        stack.push_async_callback(self.remembering.close)
        await stack.enter_async_context(counted("cache", self.remembering.run))
        stack.push_async_callback(self.splitting.close)
        await self.splitting.prepared()
        await stack.enter_async_context(counted("splits", self.splitting.run))
        await stack.enter_async_context(counted("validation", self.validating.run))
        stack.push_async_callback(self.mirroring.close)
        await stack.enter_async_context(counted("auth", lambda: self.ways.run(counted)))
        await self.ways.prepared()
