"""The policies that a file's routes have, from the general to the special."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from gateway.config.compiled.balancing import balance
from gateway.config.compiled.cache import cache_of
from gateway.config.compiled.changes import changes_of
from gateway.config.compiled.outliers import breaker_of, outliers_of
from gateway.config.compiled.retries import retries_of
from gateway.config.compiled.ways import Requirements
from gateway.config.file.configuration import Configuration
from gateway.config.file.limits import ByHeader, Limit
from gateway.config.file.limits import Cost as CostSection
from gateway.config.file.policies import Cors
from gateway.config.file.policies import Timeouts as TimeoutsSection
from gateway.config.file.routes import Route as RouteSection
from gateway.config.settings import EXPOSED, GatewaySettings
from middlewares.access.deciding import AddressLists
from middlewares.auth.way import Spec
from middlewares.cache.policy import CachePolicy
from middlewares.compose.deciding.marks import FIELD as PARTIAL
from middlewares.cors.deciding import ANY, CorsPolicy
from middlewares.costs.deciding import Cost, tokens_of
from middlewares.limits.deciding import DEFAULT_POLICY, By, Policy
from middlewares.routing.policy import RoutePolicy, Timeouts

TIMEOUT_VARIABLES = {
    "connect_s": "upstream_connect_timeout",
    "head_s": "upstream_timeout",
    "idle_s": "upstream_idle_timeout",
    "total_s": "upstream_total_timeout",
}


class Policies:
    """The policies of a file, from the general to the special; equal ones are one object."""

    def __init__(
        self, configuration: Configuration, settings: GatewaySettings, specs: Mapping[str, Spec]
    ) -> None:
        self._configuration = configuration
        self._requirements = Requirements(configuration, specs)
        self._settings = settings
        usual = settings.route_policy.limits or (Policy(DEFAULT_POLICY, 0, 0),)
        self._limits = {DEFAULT_POLICY: usual[0]} | {
            name: _limit(name, one, settings) for name, one in configuration.limits.items()
        }
        self._made: dict[RoutePolicy, RoutePolicy] = {}
        self._of_services: dict[str, RoutePolicy] = {}
        #: The policies of routes by the service that gets their requests, of those that validate.
        self.validating: dict[str, set[RoutePolicy]] = {}
        self._general = self._defaults()

    @property
    def limits(self) -> tuple[Policy, ...]:
        """The limits of the file that are on, and `default`."""
        return tuple(limit for limit in self._limits.values() if limit.limit)

    @property
    def stores(self) -> frozenset[str]:
        """The kinds of stores that the caches of the policies keep answers in."""
        caches = (policy.cache for policy in (self._general, *self._made))
        return frozenset(cache.stores for cache in caches if cache is not None)

    @property
    def has_cors(self) -> bool:
        """Whether one of the policies that were made has CORS."""
        return any(policy.cors is not None for policy in (self._general, *self._made))

    def of_discovered(self, service: str) -> RoutePolicy:
        found = self._of_services.get(service)
        if found is None:
            found = self._of_services[service] = self._one(self._of_service(service))
        return found

    def of_route(self, route: RouteSection, service: str | None = None) -> RoutePolicy:
        """The policy of a route; `service`: another one than its own gets the requests."""
        service = service or route.service or ""
        inherited = self._of_service(service)
        told = route.model_fields_set
        policy = replace(
            inherited,
            timeouts=_timeouts(inherited.timeouts, route.timeouts)
            if "timeouts" in told
            else inherited.timeouts,
            limits=self._named(route.limits) if "limits" in told else inherited.limits,
            cors=_cors_of(route, inherited.cors),
            access=_access(route),
            auth=self._requirements.of(route.auth) if "auth" in told else inherited.auth,
            cache=_cache_of_route(inherited.cache, route),
            body_bytes=route.max_body_bytes or 0
            if "max_body_bytes" in told
            else inherited.body_bytes,
            **self._changes_of(service, route),
        )
        if policy.validate is not None:
            self.validating.setdefault(service, set()).add(policy)
        return self._one(policy)

    def _changes_of(self, service: str, route: RouteSection | None = None) -> dict[str, Any]:
        """What changes, versions, splits, mirrors and validates requests of a route, by the field of its policy.

        These keys are merged over all levels before they are compiled. Empty where no level says one.
        """
        configuration = self._configuration
        levels = (configuration.defaults, configuration.services.get(service), route)
        return changes_of(levels, has_service=bool(service) or route is None)

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
            auth=self._requirements.of(section.auth) if "auth" in told else general.auth,
            cache=cache_of(general.cache, section.cache) if "cache" in told else general.cache,
            balance=balance(section.balance),
            retries=retries_of(section.retries),
            concurrent=section.concurrent,
            outliers=outliers_of(section.outliers),
            breaker=breaker_of(section.breaker),
            **self._changes_of(service),
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
        return replace(
            general,
            timeouts=timeouts,
            limits=limits,
            auth=self._requirements.of(said.auth),
            cache=cache_of(None, said.cache),
            takes_timeout=True,
            **self._changes_of(""),
        )

    def _set_by_environment(self, variables: Mapping[str, str]) -> dict[str, float]:
        told = self._settings.model_fields_set
        return {
            key: getattr(self._settings, variable)
            for key, variable in variables.items()
            if variable in told
        }

    def _named(self, names: Sequence[str] | None) -> tuple[Policy, ...]:
        limits = (self._limits[name] for name in names or ())
        return tuple(limit for limit in limits if limit.limit)


def _limit(name: str, section: Limit, settings: GatewaySettings) -> Policy:
    """RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW are those of the limit `default`, whatever the file says."""
    requests, window_s = section.requests or 0, section.window_s or 0.0
    if name == DEFAULT_POLICY:
        if "rate_limit_requests" in settings.model_fields_set:
            requests = settings.rate_limit_requests
        if "rate_limit_window" in settings.model_fields_set:
            window_s = settings.rate_limit_window
    # A limit that the environment switches off counts no answers either.
    counts = section.counts if requests else ()
    field = section.by.header if isinstance(section.by, ByHeader) else ""
    return Policy(
        name,
        requests,
        round(window_s * 1_000_000),
        counts=frozenset(status for low, high in counts for status in range(low, high + 1)),
        by="header" if field else cast("By", section.by),
        header=field.lower().encode("ascii"),
        concurrent=section.concurrent or 0,
        budget=section.budget or 0,
        reserve=section.reserve or 0,
        shadow=section.shadow,
        cost=None if section.cost is None else _cost(section.cost),
    )


def _cost(section: CostSection) -> Cost:
    if section.response_header is not None:
        return Cost("response_header", field=section.response_header.lower().encode("ascii"))
    if section.json_pointer is not None:
        return Cost("json", pointer=tokens_of(section.json_pointer))
    return Cost("event_stream", pointer=tokens_of(section.event_stream or ""))


def _timeouts(inherited: Timeouts, section: TimeoutsSection | None) -> Timeouts:
    if section is None:
        return Timeouts(connect_s=0.0, head_s=0.0, idle_s=0.0, total_s=0.0)
    told = {key: getattr(section, key) or 0.0 for key in section.model_fields_set}
    return replace(inherited, **told)


def _cors_of(route: RouteSection, inherited: CorsPolicy | None) -> CorsPolicy | None:
    """The CORS of a route; pages may read which parts of an answer are missing."""
    cors = _cors(route.cors) if "cors" in route.model_fields_set else inherited
    if cors is None or route.respond is None or route.respond.compose is None:
        return cors
    return replace(cors, expose=tuple(dict.fromkeys((*cors.expose, PARTIAL))))


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


def _cache_of_route(inherited: CachePolicy | None, route: RouteSection) -> CachePolicy | None:
    """A route without a service has no answer that is worth keeping."""
    if route.service is None:
        return None
    return cache_of(inherited, route.cache) if "cache" in route.model_fields_set else inherited


def _access(route: RouteSection) -> AddressLists | None:
    if route.allow is None and route.deny is None:
        return None
    return AddressLists(
        allow=None if route.allow is None else route.allow.sources,
        deny=() if route.deny is None else route.deny.sources,
    )
