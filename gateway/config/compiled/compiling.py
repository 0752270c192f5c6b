"""Turns a checked configuration file into what the gateway works with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from discovery.base.steps import Steps, slices, weighed_slices
from discovery.model.fixed import FixedHealth, FixedService, fixed_service
from discovery.model.naming import route_of
from gateway.acme.spec import AcmeSpec
from gateway.config.compiled.acme import acme_of
from gateway.config.compiled.cache import bounds_of
from gateway.config.compiled.composition import composition_of
from gateway.config.compiled.own_paths import own_routes
from gateway.config.compiled.policies import Policies
from gateway.config.compiled.resource_metadata import metadata_routes
from gateway.config.compiled.tls import tls_of, upstream_tls_of
from gateway.config.compiled.validate import wanted_by_service, wanted_of
from gateway.config.compiled.ways import specs_of
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import NO_CONTENTS, Contents
from gateway.config.file.matches import Condition as ConditionSection
from gateway.config.file.routes import Redirect as RedirectSection
from gateway.config.file.routes import Respond as RespondSection
from gateway.config.file.routes import Rewrite as RewriteSection
from gateway.config.file.routes import Route as RouteSection
from gateway.config.file.services import Service
from gateway.config.settings import GatewaySettings
from gateway.upstream.tls_terms import TlsTerms
from middlewares.auth.way import Spec
from middlewares.cache.policy import StoreBounds
from middlewares.limits.deciding import Policy
from middlewares.routing.matching.match import Condition, Exact, Match, Present
from middlewares.routing.matching.matcher import Matcher
from middlewares.routing.matching.patterns import compile_pattern
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.redirecting import Redirect
from middlewares.routing.rewriting import Rewrite, Strip, ToPath, ToPrefix
from middlewares.routing.route import OfServices, Respond, Route
from middlewares.split.policy import SplitPolicy
from middlewares.validate.policy import Wanted

if TYPE_CHECKING:  # a file without tls loads none of it
    from gateway.front.tls.specification import TlsSpec


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a file says, in the form that requests are handled by.

    `policy` is that of discovered routes, `policies` those of single services. `prefix` None: nothing is
    discovered. `limits` are those of the file, and `default`; `ways` its ways of authentication. `contents` are
    of the files that it names. `cache_stores` are the kinds of stores (CachePolicy.stores) that routes keep
    answers in; empty: no route has a cache. `splits` are those of routes, by the id of the route.
    answers in; empty: no route has a cache. `validated` says by service what its OpenAPI documents are for, and
    `validated_others` that of the services that the file does not name.
    """

    configuration: Configuration
    policy: RoutePolicy
    policies: Mapping[str, RoutePolicy]
    prefix: str | None
    matcher: Matcher[Route]
    has_cors: bool
    fixed: tuple[FixedService, ...]
    limits: tuple[Policy, ...]
    contents: Contents
    ways: Mapping[str, Spec]
    tls: "TlsSpec | None" = None
    upstream_tls: Mapping[str, TlsTerms] = field(default_factory=dict)
    acme: AcmeSpec | None = None
    cache_bounds: StoreBounds = field(default_factory=StoreBounds)
    cache_stores: frozenset[str] = frozenset()
    splits: Mapping[str, SplitPolicy] = field(default_factory=dict)
    validated: Mapping[str, Wanted] = field(default_factory=dict)
    validated_others: Wanted | None = None

    def parts(self) -> Iterator[object]:
        """What it is made of: freed one by one, none takes long."""
        yield from self.configuration.routes
        yield from self.configuration.services.values()
        yield from self.matcher.parts()


def compiling(
    configuration: Configuration, settings: GatewaySettings, contents: Contents = NO_CONTENTS
) -> Steps[Compiled]:
    """Compile a file with the contents of those that it names.

    The variables that the environment sets win over its `defaults`.
    """
    ways = specs_of(configuration, contents)
    policies = Policies(configuration, settings, ways)
    # First, so that a route of the file with the same path does not take a log-in's callback.
    routes = yield from own_routes(configuration, ways, policies.of_discovered(""))
    for some in weighed_slices(configuration.routes, _weight):
        routes += [(match_of(one), _route(one, policies)) for one in some]
        yield
    routes += yield from metadata_routes(routes, _discovered(configuration, policies), ways)
    matcher = yield from Matcher.building(routes)
    fixed = []
    for services in slices(configuration.services.items()):
        fixed += [_fixed(name, one) for name, one in services if one.urls]
        yield
    of_services = {name: policies.of_discovered(name) for name in configuration.services}
    general = policies.of_discovered("") if isinstance(configuration.discover, str) else None
    return Compiled(
        configuration,
        policies.of_discovered(""),
        of_services,
        configuration.discover if isinstance(configuration.discover, str) else None,
        matcher,
        policies.has_cors,
        tuple(fixed),
        policies.limits,
        contents,
        ways,
        tls=tls_of(configuration, contents),
        upstream_tls=upstream_tls_of(configuration, contents),
        acme=acme_of(configuration, contents),
        cache_bounds=bounds_of(configuration.cache),
        cache_stores=policies.stores,
        splits={
            route.id: route.policy.split
            for _, route in routes
            if route.policy.split is not None and route.service
        },
        validated=wanted_by_service(policies.validating, of_services, general),
        validated_others=None if general is None else wanted_of([general]),
    )


def _weight(route: RouteSection) -> int:
    """A route takes as long as four usual items, and longer if it names several services."""
    return 3 + len(route.services)


def _discovered(
    configuration: Configuration, policies: Policies
) -> Iterator[tuple[str, RoutePolicy]]:
    """The prefixes of routes that the file does not name, and their policies."""
    if isinstance(configuration.discover, str):
        yield configuration.discover, policies.of_discovered("")
        for name in configuration.services:
            yield route_of(name, configuration.discover), policies.of_discovered(name)


def match_of(route: RouteSection) -> Match:
    """What the matcher compares requests with."""
    section = route.match
    return Match(
        host=section.host,
        path=None if section.path is None else section.path.text,
        prefix=None if section.prefix is None else section.prefix.text,
        methods=frozenset(section.methods) or None,
        headers={name.lower(): _condition(one) for name, one in section.headers.items()},
        query={name: _condition(one) for name, one in section.query.items()},
        as_is=route.paths is not None,
    )


def _condition(value: str | ConditionSection) -> Condition:
    if isinstance(value, str):
        return Exact(value)
    return Present() if value.regex is None else compile_pattern(value.regex)


def _route(section: RouteSection, policies: Policies) -> Route:
    policy = policies.of_route(section)
    if section.respond is not None:
        answer: Respond | OfServices
        if section.respond.compose is None:
            answer = _respond(section.respond)
        else:
            answer = composition_of(section.name, section.respond, policies.of_discovered)
        return Route(section.name, "", "", policy, answer=answer)
    if section.redirect is not None:
        return Route(section.name, "", "", policy, answer=_redirect(section.redirect))
    rewrite = section.rewrite
    made = Route(
        section.name,
        section.service or "",
        _hidden_prefix(section),
        policy,
        rewrite=None if rewrite is None else _rewrite(rewrite),
        host=_host(section),
    )
    return made if policy.split is None else replace(made, shares=_shares(made, section, policies))


def _shares(made: Route, section: RouteSection, policies: Policies) -> tuple[Route, ...]:
    """The route of each share: one to another service has the policy of that."""
    split = made.policy.split
    assert split is not None
    if all(share.range is not None for share in split.shares):
        return ()
    return tuple(
        made
        if share.range is not None
        else replace(made, service=share.name, policy=policies.of_route(section, share.name))
        for share in split.shares
    )


def _hidden_prefix(section: RouteSection) -> str:
    """What the service does not see at the beginning of the path; X-Forwarded-Prefix says it."""
    rewrite = section.rewrite
    if rewrite is None:
        return ""
    if rewrite.strip is not None:
        return rewrite.strip.text.rstrip("/")
    if rewrite.prefix is not None and section.match.prefix is not None:
        return section.match.prefix.text.rstrip("/")
    return ""


def _host(section: RouteSection) -> bytes | Literal["asked", "own"]:
    if section.rewrite is not None and section.rewrite.host is not None:
        return section.rewrite.host.encode("ascii")
    return "asked" if section.preserve_host else "own"


def _rewrite(section: RewriteSection) -> Rewrite | None:
    if section.path is not None:
        return ToPath(section.path.text)
    if section.strip is not None:
        return Strip(section.strip.text)
    return None if section.prefix is None else ToPrefix(section.prefix.text)


def _redirect(section: RedirectSection) -> Redirect:
    path: ToPath | ToPrefix | None = None
    if section.path is not None:
        path = ToPath(section.path.text)
    elif section.prefix is not None:
        path = ToPrefix(section.prefix.text)
    return Redirect(
        scheme=section.scheme,
        host=section.host,
        port=section.port,
        path=path,
        status=section.status,
    )


def _respond(section: RespondSection) -> Respond:
    fields = tuple(section.headers.items())
    if section.body and not any(name.lower() == "content-type" for name, _ in fields):
        fields += (("Content-Type", "text/plain; charset=utf-8"),)  # browsers save unknown content
    return Respond(section.status, fields, section.body.encode())


def _fixed(name: str, section: Service) -> FixedService:
    probed = FixedHealth() if section.health is None else section.health.of_instances
    return fixed_service(name, map(str, section.urls), probed)
