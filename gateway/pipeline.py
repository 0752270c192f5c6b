"""The pipeline in one visible list: the layers in front of the hop, outermost first."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.endpoints.process import NAME
from gateway.front.cost_readers import read_cost
from gateway.front.delivering import delivery_middleware
from gateway.front.plain_request import section_of
from gateway.front.proxied_resource import is_proxied
from gateway.front.refusing import refusing
from gateway.front.request_body import reading_bodies
from gateway.worker.answer_fields import answer_fields_middleware
from gateway.worker.worker import Gateway
from middlewares.access.layer import access_middleware
from middlewares.auth.layer import auth_middleware
from middlewares.auth.own_paths import answering
from middlewares.candidates.layer import health_routing_middleware
from middlewares.cors.deciding import CorsPolicy
from middlewares.cors.layer import cors_layers
from middlewares.exchange import EXCHANGE
from middlewares.gate import gate
from middlewares.hygiene.layer import hygiene_middleware
from middlewares.limits.layer import rate_limit_middleware
from middlewares.ports import ports_middleware
from middlewares.routing.fragments import left_to_routes
from middlewares.routing.layer import route_middleware
from middlewares.routing.own_answers import own_answers_middleware
from middlewares.telemetry.layer import correlation_middleware


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
        heads_middleware(
            relocate=relocating(scheme_of=gateway.scheme_of, host_of=gateway.host_of),
            most_bytes=gateway.settings.max_request_head_bytes,
        ),
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


def admin_port_beside_a_file(gateway: Gateway) -> Callable[[web.Request], bool] | None:
    """Whether a request came to the admin port, where no route of the file is; None: there can't be one.

    Without a file no path is both a route's and an endpoint's.
    """
    if gateway.configuration is None or not gateway.settings.admin_listen:
        return None
    return gateway.came_to_admin
