"""Turns a checked configuration file into what the gateway works with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from discovery.base.steps import Steps, slices
from discovery.model.fixed import FixedHealth, FixedService, fixed_service
from gateway.config.file.configuration import Configuration
from gateway.config.file.matches import Condition as ConditionSection
from gateway.config.file.policies import ByHeader, Cors, Limit
from gateway.config.file.policies import Timeouts as TimeoutsSection
from gateway.config.file.routes import Redirect as RedirectSection
from gateway.config.file.routes import Respond as RespondSection
from gateway.config.file.routes import Rewrite as RewriteSection
from gateway.config.file.routes import Route as RouteSection
from gateway.config.file.services import Health, Service
from gateway.config.settings import EXPOSED, GatewaySettings
from middlewares.access.deciding import AddressLists
from middlewares.cors.deciding import ANY, CorsPolicy
from middlewares.limits.deciding import DEFAULT_POLICY, By, Policy
from middlewares.routing.matching.match import Condition, Exact, Match, Present
from middlewares.routing.matching.matcher import Matcher
from middlewares.routing.matching.patterns import compile_pattern
from middlewares.routing.policy import RoutePolicy, Timeouts
from middlewares.routing.redirecting import Redirect
from middlewares.routing.rewriting import Rewrite, Strip, ToPath, ToPrefix
from middlewares.routing.route import Respond, Route


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a file says, in the form that requests are handled by.

    `policy` is that of discovered routes, `policies` those of single services. `prefix` None: nothing is
    discovered.
    """

    configuration: Configuration
    policy: RoutePolicy
    policies: Mapping[str, RoutePolicy]
    prefix: str | None
    matcher: Matcher[Route]
    has_cors: bool
    fixed: tuple[FixedService, ...]

    def parts(self) -> Iterator[object]:
        """What it is made of: freed one by one, none takes long."""
        yield from self.configuration.routes
        yield from self.configuration.services.values()
        yield from self.matcher.parts()


def compiling(configuration: Configuration, settings: GatewaySettings) -> Steps[Compiled]:
    """Compile a file; the variables that the environment sets win over its `defaults`."""
    policies = _Policies(configuration, settings)
    routes: list[tuple[Match, Route]] = []
    for some in slices(configuration.routes):
        routes += [(match_of(one), _route(one, policies)) for one in some]
        yield
    matcher = yield from Matcher.building(routes)
    fixed = []
    for services in slices(configuration.services.items()):
        fixed += [_fixed(name, one) for name, one in services if one.urls]
        yield
    return Compiled(
        configuration,
        policies.of_discovered(""),
        {name: policies.of_discovered(name) for name in configuration.services},
        configuration.discover if isinstance(configuration.discover, str) else None,
        matcher,
        policies.has_cors,
        tuple(fixed),
    )


class _Policies:
    """The policies of a file, from the general to the special; equal ones are one object."""

    def __init__(self, configuration: Configuration, settings: GatewaySettings) -> None:
        self._configuration = configuration
        self._settings = settings
        usual = settings.route_policy.limits or (Policy(DEFAULT_POLICY, 0, 0),)
        self._limits = {DEFAULT_POLICY: usual[0]} | {
            name: _limit(name, one, settings) for name, one in configuration.limits.items()
        }
        self._made: dict[RoutePolicy, RoutePolicy] = {}
        self._general = self._defaults()

    @property
    def has_cors(self) -> bool:
        """Whether one of the policies that were made has CORS."""
        return any(policy.cors is not None for policy in (self._general, *self._made))

    def of_discovered(self, service: str) -> RoutePolicy:
        return self._one(self._of_service(service))

    def of_route(self, route: RouteSection) -> RoutePolicy:
        inherited = self._of_service(route.service or "")
        told = route.model_fields_set
        policy = replace(
            inherited,
            timeouts=_timeouts(inherited.timeouts, route.timeouts)
            if "timeouts" in told
            else inherited.timeouts,
            limits=self._named(route.limits) if "limits" in told else inherited.limits,
            cors=_cors(route.cors) if "cors" in told else inherited.cors,
            access=_access(route),
            body_bytes=route.max_body_bytes or 0
            if "max_body_bytes" in told
            else inherited.body_bytes,
        )
        return self._one(policy)

    def _one(self, policy: RoutePolicy) -> RoutePolicy:
        return self._made.setdefault(policy, policy)

    def _of_service(self, service: str) -> RoutePolicy:
        section = self._configuration.services.get(service)
        if section is None:
            return self._general
        told, general = section.model_fields_set, self._general
        return replace(
            general,
            timeouts=_timeouts(general.timeouts, section.timeouts)
            if "timeouts" in told
            else general.timeouts,
            limits=self._named(section.limits) if "limits" in told else general.limits,
            concurrent=section.concurrent,
        )

    def _defaults(self) -> RoutePolicy:
        """The environment's variables and their defaults, below what the file's `defaults` say."""
        general, said = self._settings.route_policy, self._configuration.defaults
        timeouts = general.timeouts
        if "timeouts" in said.model_fields_set:
            timeouts = _timeouts(timeouts, said.timeouts)
            timeouts = replace(timeouts, **self._set_by_environment(TIMEOUT_VARIABLES))
        limits = general.limits
        if "limits" in said.model_fields_set:
            limits = self._named(said.limits)
        elif limits:
            limits = (self._limits[DEFAULT_POLICY],)
        return replace(general, timeouts=timeouts, limits=limits)

    def _set_by_environment(self, variables: Mapping[str, str]) -> dict[str, float]:
        told = self._settings.model_fields_set
        return {
            key: getattr(self._settings, variable)
            for key, variable in variables.items()
            if variable in told
        }

    def _named(self, names: Sequence[str] | None) -> tuple[Policy, ...]:
        limits = (self._limits[name] for name in names or ())
        return tuple(limit for limit in limits if limit.requests)


TIMEOUT_VARIABLES = {
    "connect_s": "upstream_connect_timeout",
    "head_s": "upstream_timeout",
    "idle_s": "upstream_idle_timeout",
    "total_s": "upstream_total_timeout",
}


def _limit(name: str, section: Limit, settings: GatewaySettings) -> Policy:
    """RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW are those of the limit `default`, whatever the file says."""
    requests, window_s = section.requests, section.window_s
    if name == DEFAULT_POLICY:
        if "rate_limit_requests" in settings.model_fields_set:
            requests = settings.rate_limit_requests
        if "rate_limit_window" in settings.model_fields_set:
            window_s = settings.rate_limit_window
    window_us = round(window_s * 1_000_000)
    if isinstance(section.by, ByHeader):
        header = section.by.header.lower().encode("ascii")
        return Policy(name, requests, window_us, by="header", header=header)
    return Policy(name, requests, window_us, by=cast("By", section.by))


def _timeouts(inherited: Timeouts, section: TimeoutsSection | None) -> Timeouts:
    if section is None:
        return Timeouts(connect_s=0.0, head_s=0.0, idle_s=0.0, total_s=0.0)
    told = {key: getattr(section, key) or 0.0 for key in section.model_fields_set}
    return replace(inherited, **told)


def _cors(section: Cors | None) -> CorsPolicy | None:
    if section is None:
        return None
    return CorsPolicy(
        section.origins,
        methods=section.methods or (ANY,),
        headers=section.headers or (ANY,),
        expose=tuple(dict.fromkeys((*EXPOSED, *section.expose))),
        max_age_s=round(section.max_age_s),
        credentials=section.credentials,
    )


def _access(route: RouteSection) -> AddressLists | None:
    if route.allow is None and route.deny is None:
        return None
    return AddressLists(
        allow=None if route.allow is None else route.allow.sources,
        deny=() if route.deny is None else route.deny.sources,
    )


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


def _route(section: RouteSection, policies: _Policies) -> Route:
    policy = policies.of_route(section)
    if section.respond is not None:
        return Route(section.name, "", "", policy, answer=_respond(section.respond))
    if section.redirect is not None:
        return Route(section.name, "", "", policy, answer=_redirect(section.redirect))
    rewrite = section.rewrite
    return Route(
        section.name,
        section.service or "",
        _hidden_prefix(section),
        policy,
        rewrite=None if rewrite is None else _rewrite(rewrite),
        host=_host(section),
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
    return Respond(section.status, fields, section.body.encode())


def _fixed(name: str, section: Service) -> FixedService:
    probed = FixedHealth() if section.health is None else _probed(section.health)
    return fixed_service(name, map(str, section.urls), probed)


def _probed(health: Health) -> FixedHealth:
    if health.path is None:  # a connect has no status
        return FixedHealth(interval_s=health.interval_s)
    ranges = (f"{low}-{high}" if low < high else str(low) for low, high in health.statuses)
    return FixedHealth(health.path.text, health.interval_s, ",".join(ranges), health.body or "")
