"""The application: the pipeline in one visible list, and the handler of each path."""

import random
import time
from collections.abc import Callable
from functools import partial
from operator import attrgetter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.config.settings import GatewaySettings
from gateway.endpoints.cache import CacheEndpoints
from gateway.endpoints.configuration import ConfigurationEndpoints
from gateway.endpoints.front import FrontEndpoint
from gateway.endpoints.keys import KeysEndpoints
from gateway.endpoints.limits_in_force import limits_in_force
from gateway.endpoints.mirrors import MirrorEndpoints
from gateway.endpoints.process import NAME, ProcessEndpoints
from gateway.endpoints.registration import RegistrationEndpoints
from gateway.endpoints.routes import RoutesEndpoint
from gateway.endpoints.services import Heartbeats, ServicesEndpoints
from gateway.endpoints.splits import SplitsEndpoints
from gateway.endpoints.versions import VersionsEndpoint
from gateway.explaining.meant import telling_what_was_meant
from gateway.front.cost_readers import read_cost
from gateway.front.delivering import delivery_middleware
from gateway.front.plain_request import section_of
from gateway.front.proxied_resource import ProxiedResource, is_proxied
from gateway.front.refusing import ANSWERS_FAILURES, refusing
from gateway.front.request_body import keep_expectation, reading_bodies
from gateway.front.server import GatewayRunner
from gateway.hop.attempt import Attempts
from gateway.hop.balancer import Balancer
from gateway.hop.deciding.retry_budget import RetryBudgets
from gateway.hop.proxy import Proxy
from gateway.hop.repeating import Repeating
from gateway.hop.sending import Means
from gateway.worker import own_paths
from gateway.worker.answer_fields import answer_fields_middleware
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.worker import GATEWAY, Gateway
from middlewares.access.layer import access_middleware
from middlewares.auth.layer import auth_middleware
from middlewares.auth.own_paths import answering
from middlewares.candidates.layer import health_routing_middleware
from middlewares.cors.deciding import CorsPolicy
from middlewares.cors.layer import cors_layers
from middlewares.errors import errors_middleware
from middlewares.exchange import EXCHANGE
from middlewares.failures import MethodNotAllowed
from middlewares.gate import gate
from middlewares.hygiene.layer import hygiene_middleware
from middlewares.limits.layer import rate_limit_middleware
from middlewares.ports import ports_middleware
from middlewares.routing.fragments import left_to_routes
from middlewares.routing.layer import route_middleware
from middlewares.routing.own_answers import own_answers_middleware
from middlewares.routing.policy import RoutePolicy
from middlewares.telemetry.layer import correlation_middleware

_OF_A_PAGE = ("GET", "HEAD")


def create_app(settings: GatewaySettings, at_start: AtStart | None = None) -> web.Application:
    """The gateway as an aiohttp application; it does no I/O before it is started.

    `at_start` is the file of GATEWAY_CONFIG, where one is named.
    """
    gateway = Gateway(settings, at_start)
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

    return changing_errors(policy_of)


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


def pipeline(gateway: Gateway, answers_failures: Middleware) -> list[Middleware]:
    """The layers in front of the hop, outermost first: a request goes down, its answer comes up.

    `await handler(request)` returns an answer that is not sent yet, so each layer may add to it or
    replace it. A layer that only looks at the request is a plain function, which costs no coroutine.
    """
    settings, metrics, member = gateway.settings, gateway.metrics, gateway.member
    overlay = gateway.overlay

    def cors_of(request: web.Request) -> CorsPolicy | None:
        # Without a transport the client has left: no field of the answer matters.
        if came_to_admin and request.transport is not None and came_to_admin(request):
            return None
        return gateway.routing.cors_of(request[EXCHANGE], request.method)

    came_to_admin = admin_port_beside_a_file(gateway)
    has_file = gateway.configuration is not None
    cors = None
    if settings.cors_origins or has_file:
        cors = cors_layers(cors_of, lambda: gateway.routing.table.has_cors)
    fragments = left_to_routes(gateway.routing, came_to_admin) if has_file else None
    auth = own_answers = None
    if gateway.compositions is not None:
        auth = auth_middleware(scheme_of=gateway.scheme_of, metrics=metrics)
        own_answers = own_answers_middleware(
            scheme_of=gateway.scheme_of,
            of_ways=answering(gateway.scheme_of),
            of_services=gateway.compositions.answer,
        )
    limited = partial(
        rate_limit_middleware,
        decide=gateway.limiter.decide,
        charge_after=gateway.limiter.charge_after,
        settle=gateway.limiter.settle,
        extend=gateway.limiter.extend,
        read_cost=read_cost,
        key_of=gateway.clients.limit_key,
        metrics=metrics,
    )
    ports = ports_middleware(came_to_admin=gateway.came_to_admin, is_proxied=is_proxied)
    outer = [
        # Outside of the errors, so that refusals have the fields too.
        answer_fields_middleware(
            gateway.lifecycle, None if gateway.tls is None else gateway.tls.strict_transport
        ),
        # Without them, a browser does not show a refusal to the page.
        *([cors.adds_fields] if cors else []),
        # Errors of all inner layers become problem documents here, and only here.
        answers_failures,
    ]
    return [
        # Everything inside has an ID, is logged and counted: refusals, errors and streams too.
        correlation_middleware(
            service=NAME,
            metrics=metrics,
            section_of=section_of,
            client_ip_of=gateway.clients.ip_of,
        ),
        # Inside the log, which records what was sent; outside of the layers that may change the answer.
        delivery_middleware(tunnels=metrics.tunnels, refuse=refusing(outer)),
        *outer,
        # A request that an instance could read differently is refused, whatever its path.
        hygiene_middleware(leaves_to_routes=fragments),
        # A port that does not serve a path says so before anything is looked up.
        *([ports] if settings.admin_listen else []),
        # A preflight is the browser's own request: it needs no route, no limit and no instance.
        *([cors.answers_preflights] if cors else []),
        # A path without a route does not count against the client's limit.
        route_middleware(
            routing=gateway.routing, catalogue=gateway.routed_view, came_to_admin=came_to_admin
        ),
        # A client that may not use a route is not counted by its limits.
        *([access_middleware] if has_file else []),
        # Before the door, so that failed log-ins count, and none is looked at when there were too many.
        *(
            [limited(limits_of=attrgetter("route.policy.limits_at_door"))]
            if auth is not None
            else []
        ),
        # Before the limits, which may count by subject.
        *([auth] if auth is not None else []),
        # Outside of the limits, which may read what an answer has cost.
        *([gate(attrgetter("is_outer_changed"), outer_gate(gateway))] if has_file else []),
        # Before the candidates: a request that waits for a first verdict must count too.
        limited(limits_of=attrgetter("route.policy.limits_behind")),
        # Inside of the limits, which hold for answers without a service too.
        *([own_answers] if own_answers is not None else []),
        # Inside of all that may refuse a request: what is kept goes only to those who might have asked for it.
        *([gateway.remembering.middleware()] if gateway.remembering is not None else []),
        # Inside of the cache, which keeps what they make of an answer.
        *([gate(attrgetter("is_inner_changed"), inner_gate(gateway))] if has_file else []),
        # Innermost: the hop starts with the candidates that this layer found.
        health_routing_middleware(
            lookup=gateway.lookup,
            view=lambda: overlay.routed,
            health=member.health,
            renamed=overlay.renamed,
        ),
    ]


def outer_gate(gateway: Gateway) -> list[Middleware]:
    """The layers of a file's routes between auth and limits, outermost first."""
    # Only for a file.
    from middlewares.compress.counting import CompressCounts
    from middlewares.compress.layer import compress_middleware
    from middlewares.telemetry.compress_metrics import CompressCollector

    compressed = CompressCounts()
    gateway.metrics.registry.register(CompressCollector(compressed))
    return [
        # Outside of the cache, which keeps what is not compressed, and of whatever reads a body.
        compress_middleware(compressed),
        # Its fields are of every answer, and of no kept one; the limits know of the version that was asked for.
        *([gateway.versioning.naming()] if gateway.versioning is not None else []),
    ]


def inner_gate(gateway: Gateway) -> list[Middleware]:
    """The layers of a file's routes between the cache and the candidates, outermost first."""
    from middlewares.telemetry.transform_metrics import TransformCollector
    from middlewares.transform.bodies.counting import NotChangedCounts
    from middlewares.transform.bodies.layer import bodies_middleware
    from middlewares.transform.layer import heads_middleware
    from middlewares.transform.relocating import relocating

    versioning, splitting = gateway.versioning, gateway.splitting
    not_changed = NotChangedCounts()
    gateway.metrics.registry.register(TransformCollector(not_changed.bodies))
    return [
        # What the others do may depend on the share, and is done again for another one.
        *([splitting.middleware()] if splitting is not None else []),
        # Outside of the rules, which may change the path that it has taken a version out of.
        *([versioning.telling()] if versioning is not None else []),
        # What later layers see of an answer is what the instance said.
        heads_middleware(relocate=relocating(scheme_of=gateway.scheme_of, host_of=gateway.host_of)),
        # Inside of the rules for heads, which have the last word on what a new body makes of the fields.
        bodies_middleware(
            read_body=reading_bodies(gateway.settings.client_limits), counts=not_changed
        ),
        # It sees what the instance gets, and what the instance has answered.
        *([gateway.validating.middleware()] if gateway.validating is not None else []),
        # Innermost: the copies have what the rules for requests have changed, and are compared with what an
        # instance has answered.
        *([gateway.mirroring.middleware()] if gateway.mirroring is not None else []),
    ]


def add_routes(app: web.Application, gateway: Gateway) -> None:
    """Add the gateway's own endpoints, and the one resource of everything that is proxied."""
    settings, member, guard = gateway.settings, gateway.member, gateway.guard
    process = ProcessEndpoints(
        settings=settings,
        lifecycle=gateway.lifecycle,
        metrics=gateway.metrics,
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
        reached=member.watcher.reached,
        status_of=member.health.status,
        policy=lambda: gateway.dialer.policy,
        guard=guard,
        client_limits=settings.client_limits,
    )
    keys = KeysEndpoints(
        settings.registry,
        changed=gateway.keys_changed,
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
    )
    splits = SplitsEndpoints(
        splitting=gateway.splitting, guard=guard, client_limits=settings.client_limits
    )
    mirrors = MirrorEndpoints(mirroring=gateway.mirroring, guard=guard)
    rng = random.Random()
    budgets = RetryBudgets()
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


def admin_port_beside_a_file(gateway: Gateway) -> Callable[[web.Request], bool] | None:
    """Whether a request came to the admin port, where no route of the file is; None: there can't be one.

    Without a file no path is both a route's and an endpoint's.
    """
    if gateway.configuration is None or not gateway.settings.admin_listen:
        return None
    return gateway.came_to_admin


def or_page(proxied: Handler, page: Handler) -> Handler:
    """Handle what has a route; only `/` may be without one here, and then it shows the page."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request[EXCHANGE].route is not None:
            return await proxied(request)
        if request.method not in _OF_A_PAGE:
            raise MethodNotAllowed(request.method, _OF_A_PAGE)
        return await page(request)

    return handle
