"""The application: the pipeline, and the handler of each path."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.config.settings import GatewaySettings
from gateway.endpoints.cache import CacheEndpoints
from gateway.endpoints.configuration import ConfigurationEndpoints
from gateway.endpoints.front import FrontEndpoint
from gateway.endpoints.keys import KeysEndpoints
from gateway.endpoints.limits_in_force import limits_in_force
from gateway.endpoints.mirrors import MirrorEndpoints
from gateway.endpoints.pooling.asking import Asking
from gateway.endpoints.process import ProcessEndpoints
from gateway.endpoints.registration import RegistrationEndpoints
from gateway.endpoints.roll import RollEndpoints
from gateway.endpoints.routes import RoutesEndpoint
from gateway.endpoints.services import Heartbeats, ServicesEndpoints
from gateway.endpoints.splits import SplitsEndpoints
from gateway.endpoints.versions import VersionsEndpoint
from gateway.explaining.meant import telling_what_was_meant
from gateway.front.proxied_resource import ProxiedResource
from gateway.front.refusing import ANSWERS_FAILURES
from gateway.front.request_body import keep_expectation
from gateway.front.server import GatewayRunner
from gateway.hop.attempt import Attempts
from gateway.hop.balancer import Balancer
from gateway.hop.deciding.retry_budget import LEAST_A_SECOND, RetryBudgets
from gateway.hop.proxy import Proxy
from gateway.hop.repeating import Repeating
from gateway.hop.sending import Means
from gateway.pipeline import admin_port_beside_a_file, pipeline
from gateway.siblings.siblings import Siblings
from gateway.worker import own_paths
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.worker import GATEWAY, Gateway
from middlewares.errors import errors_middleware
from middlewares.exchange import EXCHANGE
from middlewares.failures import MethodNotAllowed
from middlewares.routing.policy import RoutePolicy

_OF_A_PAGE = ("GET", "HEAD")


def create_app(
    settings: GatewaySettings, at_start: AtStart | None = None, siblings: Siblings | None = None
) -> web.Application:
    """The gateway as an aiohttp application; it does no I/O before it is started.

    `at_start` is the file of GATEWAY_CONFIG, where one is named; `siblings` are the other workers, where
    there are some.
    """
    gateway = Gateway(settings, at_start, siblings or Siblings())
    app = web.Application()
    app[GATEWAY] = gateway
    answers_failures = errors_middleware(
        detail_of=telling_what_was_meant(
            gateway.unavailability.detail_of,
            gateway.routing,
            gateway.routed_view,
            gateway.guard.admits,
        ),
        finish=None if gateway.configuration is None else changes_of_errors(gateway),
    )
    app[ANSWERS_FAILURES] = answers_failures
    app.middlewares.extend(pipeline(gateway, answers_failures))
    app.cleanup_ctx.append(gateway.lifespan)
    add_routes(app, gateway)
    return app


def changes_of_errors(gateway: Gateway) -> Callable[[web.Request, web.StreamResponse], None]:
    """What a file's rules make of the heads of the gateway's own errors."""
    from middlewares.transform.own_errors import changing_errors

    came_to_admin = admin_port_beside_a_file(gateway)

    def policy_of(request: web.Request) -> RoutePolicy | None:
        """That of the route; without one that of `defaults`, but for the gateway's own endpoints."""
        exchange, table = request[EXCHANGE], gateway.routing.table
        if exchange.route is not None:
            return exchange.route.policy
        if came_to_admin is not None and request.transport is not None and came_to_admin(request):
            return None
        return table.policy if table.covers(exchange.path) else None

    return changing_errors(policy_of, gateway.settings.max_request_head_bytes)


def create_runner(app: web.Application) -> GatewayRunner:
    """What runs the application on our server."""
    gateway = app[GATEWAY]
    return GatewayRunner(
        app,
        metrics=gateway.metrics,
        descriptors=gateway.descriptors,
        plain=gateway.plain_requests,
        head_bytes=gateway.settings.max_request_head_bytes,
        shutdown_timeout=1.0,
    )


def add_routes(app: web.Application, gateway: Gateway) -> None:
    """Add the gateway's own endpoints, and the one resource of everything that is proxied."""
    settings, member, guard = gateway.settings, gateway.member, gateway.guard
    asking = Asking(gateway.siblings)
    process = ProcessEndpoints(
        settings=settings,
        lifecycle=gateway.lifecycle,
        metrics=gateway.metrics,
        scrapes=gateway.scrapes,
        siblings=gateway.siblings,
        asking=asking,
        instance_counts=gateway.instance_counts,
        registry_state=member.state,
        mass_losses=member.mass_losses.present,
        limiter_state=lambda: {
            "alone": gateway.limiter.alone,
            "policies": limits_in_force(gateway.limits, gateway.limiter.reserved()),
        },
        untrusted_proxies=gateway.clients.untrusted_proxies,
        url=lambda: member.url,
        descriptors=gateway.descriptors,
        routes=lambda: member.is_ready,
        configuration=gateway.configuration,
        guard=guard,
        watched=None if gateway.watched is None else gateway.watched.describe,
        ways=None if gateway.ways is None else gateway.ways.describe,
        tls=None if gateway.tls is None else gateway.tls.describe,
        own_certificates=(
            None if gateway.own_certificates is None else gateway.own_certificates.describe
        ),
        cache=None if gateway.remembering is None else gateway.remembering.describe,
        splits=None if gateway.splitting is None else gateway.splitting.describe,
        documents=None if gateway.validating is None else gateway.validating.describe,
        mirrors=None if gateway.mirroring is None else gateway.mirroring.describe,
    )
    configuration = ConfigurationEndpoints(
        configuration=gateway.configuration,
        settings=settings,
        table_of=gateway.table_of,
        recent=gateway.recent,
        overlay=gateway.overlay,
        guard=guard,
        asking=asking,
    )
    routes = RoutesEndpoint(
        configuration=gateway.configuration,
        settings=settings,
        routing=gateway.routing,
        view=lambda: gateway.overlay.routed,
        health=member.health,
        guard=guard,
    )
    versions = VersionsEndpoint(
        configuration=gateway.configuration,
        versioning=gateway.versioning,
        view=lambda: gateway.overlay.routed,
        health=member.health,
        guard=guard,
        asking=asking,
    )
    services = ServicesEndpoints(
        view=gateway.routed_view,
        heartbeats=Heartbeats(member.heartbeats),
        stale_for_s=member.stale_for_s,
        health=member.health,
        routing=gateway.routing,
        guard=guard,
        upstreams=gateway.upstreams,
        watched=gateway.watched,
        send_timeout_s=settings.client_limits.send_s,
    )
    front = FrontEndpoint(
        view=gateway.routed_view,
        routing=gateway.routing,
        health=member.health,
        stale_for_s=member.stale_for_s,
        unavailability=gateway.unavailability,
        links_routes=not settings.admin_listen,
        send_timeout_s=settings.client_limits.send_s,
    )
    registration = RegistrationEndpoints(
        registry=member.registry,
        reached=reached_in_all_workers(member.watcher.reached, gateway.siblings, asking),
        status_of=member.health.status,
        policy=lambda: gateway.dialer.policy,
        guard=guard,
        client_limits=settings.client_limits,
    )
    keys = KeysEndpoints(
        settings.registry,
        changed=in_all_workers(gateway.keys_changed, "keys.changed", asking),
        guard=guard,
        client_limits=settings.client_limits,
    )
    app.on_cleanup.append(keys.close)
    cache = CacheEndpoints(
        remembering=gateway.remembering,
        routing=gateway.routing,
        catalogue=gateway.routed_view,
        guard=guard,
        client_limits=settings.client_limits,
        asking=asking,
    )
    splits = SplitsEndpoints(
        splitting=gateway.splitting, guard=guard, client_limits=settings.client_limits
    )
    mirrors = MirrorEndpoints(mirroring=gateway.mirroring, guard=guard, asking=asking)
    for endpoints in (process, configuration, versions, cache, mirrors):
        endpoints.listen()
    roll = RollEndpoints(siblings=gateway.siblings, guard=guard)
    rng = random.Random()
    share = gateway.siblings.share
    budgets = RetryBudgets(share.of(LEAST_A_SECOND))
    proxy = Proxy(
        upstreams=gateway.upstreams,
        repeating=Repeating(gateway.metrics, budgets, rng),
        attempts=Attempts(
            upstreams=gateway.upstreams,
            evidence=gateway.evidence,
            metrics=gateway.metrics,
            send_timeout_s=settings.client_limits.send_s,
        ),
        means=Means(
            gateway.clients.trusts,
            gateway.senders,
            gateway.metrics.in_flight,
            settings.client_limits,
            budgets,
            share=share,
            **({} if gateway.watched is None else {"watched": gateway.watched.get}),
        ),
        balancer=Balancer(
            loads=gateway.upstreams,
            rng=rng,
            now=time.monotonic,
            client_of=gateway.clients.limit_key,
        ),
        rng=rng,
    )
    own: list[tuple[str, str, Handler]] = [
        ("GET", own_paths.PAGE, front.show),
        ("GET", own_paths.HEALTH, process.health),
        ("GET", own_paths.READY, process.ready),
        ("GET", own_paths.STATUS, process.status),
        ("GET", own_paths.METRICS, process.metrics_text),
        ("GET", own_paths.SERVICES, services.list_all),
        ("GET", own_paths.SERVICE, services.show),
        ("PUT", own_paths.INSTANCE, registration.register),
        ("DELETE", own_paths.INSTANCE, registration.deregister),
        ("POST", own_paths.HEARTBEAT, registration.heartbeat),
        ("POST", own_paths.DRAIN, registration.drain),
        ("POST", own_paths.HEARTBEATS, registration.heartbeats),
        ("GET", own_paths.ROUTES, routes.show),
        ("GET", own_paths.VERSIONS, versions.show),
        ("POST", own_paths.RELOAD, configuration.reload),
        ("POST", own_paths.DIFF, configuration.diff),
        ("GET", own_paths.KEYS, keys.list_all),
        ("POST", own_paths.KEYS, keys.create),
        ("DELETE", own_paths.KEY, keys.revoke),
        ("POST", own_paths.ROTATION, keys.rotate),
        ("GET", own_paths.CACHE, cache.stats),
        ("POST", own_paths.PURGE, cache.purge),
        ("GET", own_paths.SHOW, cache.show),
        ("GET", own_paths.SPLITS, splits.list_all),
        ("PUT", own_paths.SPLIT, splits.change),
        ("GET", own_paths.MIRRORS, mirrors.report),
        ("DELETE", own_paths.MIRRORS, mirrors.forget),
        ("GET", own_paths.ROLL, roll.state),
        ("POST", own_paths.ROLL, roll.begin),
    ]
    for method, path, handler in own:
        resource = app.router.add_resource(path)
        for name in ("GET", "HEAD") if method == "GET" else (method,):
            resource.add_route(name, handler, expect_handler=keep_expectation)
    if gateway.configuration is None:
        proxied = ProxiedResource(proxy.handle, gateway.routing)
    else:
        handler = or_page(proxy.handle, front.show)
        proxied = ProxiedResource(handler, gateway.routing, admin_port_beside_a_file(gateway))
    app.router.register_resource(proxied)


def reached_in_all_workers(
    reached: Callable[[str, int], Awaitable[bool]], siblings: Siblings, asking: Asking
) -> Callable[[str, int], Awaitable[bool]]:
    """Wait until the views of all workers include a revision of the registry; False: not in time."""
    if siblings.alone:
        return reached

    async def here(asked: tuple[str, int]) -> bool:
        return await reached(*asked)

    async def everywhere(epoch: str, revision: int) -> bool:
        own, others = await asyncio.gather(
            reached(epoch, revision), asking.ask("view.reached", [epoch, revision])
        )
        return own and all(others.values())

    asking.answers("view.reached", here)
    return everywhere


def in_all_workers(
    done: Callable[[], Awaitable[None]], topic: str, asking: Asking
) -> Callable[[], Awaitable[None]]:
    """Do it here, and wait until the siblings have done it too."""

    async def here(_asked: object) -> None:
        await done()

    async def everywhere() -> None:
        await asyncio.gather(done(), asking.ask(topic))

    asking.answers(topic, here)
    return everywhere


def or_page(proxied: Handler, page: Handler) -> Handler:
    """Handle what has a route; only `/` may be without one here, and then it shows the page."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request[EXCHANGE].route is not None:
            return await proxied(request)
        if request.method not in _OF_A_PAGE:
            raise MethodNotAllowed(request.method, _OF_A_PAGE)
        return await page(request)

    return handle
