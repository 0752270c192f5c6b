"""Describes the routes of a compiled file: each with its policies, and where each policy comes from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from discovery.base.steps import Steps, weighed_slices
from discovery.model.naming import route_of
from gateway.config.compiled import (
    cache,
    compress,
    mirror,
    outliers,
    split,
    transform,
    validate,
    versions,
)
from gateway.config.compiled.balancing import balance_text
from gateway.config.compiled.compiling import Compiled
from gateway.config.compiled.layers import Maker, way_in, way_out
from gateway.config.compiled.levels import BUILT_IN
from gateway.config.compiled.policies import TIMEOUT_VARIABLES
from gateway.config.file.composition import Part
from gateway.config.file.differences import plain
from gateway.config.file.policies import Timeouts
from gateway.config.file.routes import Route as RouteSection
from gateway.config.file.services import Service
from gateway.config.settings import GatewaySettings
from middlewares.auth.deciding import Requirement
from middlewares.auth.resource_metadata import ResourceMetadata
from middlewares.limits.deciding import DEFAULT_POLICY, Policy
from middlewares.routing.policy import Retries, RoutePolicy
from middlewares.routing.route import OfWays, Route

Description = dict[str, Any]

ROUTE, DEFAULTS = "route", "defaults"
_LIMIT_VARIABLES = ("rate_limit_requests", "rate_limit_window")


def configured_routes(compiled: Compiled, settings: GatewaySettings) -> Steps[list[Description]]:
    """The routes of the file in the order in which they are tried."""
    sections = {route.name: route for route in compiled.configuration.routes}
    described: list[Description] = []

    def weight(route: Route) -> int:
        section = sections.get(route.id)
        return 0 if section is None else len(section.services)

    for routes in weighed_slices(compiled.matcher.order(), weight):
        for route in routes:
            if isinstance(route.answer, OfWays | ResourceMetadata):
                if isinstance(route.answer, OfWays) or route.answer.is_of_host:
                    described.append(_own_path(route, route.answer))
                continue
            section = sections[route.id]
            sources = _Sources(compiled, settings, section.service or "", section)
            described.append(
                {
                    "route": route.id,
                    "match": plain(section.match),
                    **_action(section),
                    **_ways(route.policy, _maker(section)),
                    "policies": [*_policies(sources, route.policy)],
                }
            )
        yield
    return described


def _own_path(route: Route, answer: OfWays | ResourceMetadata) -> Description:
    """The route of a path of ways of authentication, which the file has not written down."""
    place = (
        {"path": answer.path} if answer.host is None else {"host": answer.host, "path": answer.path}
    )
    return {
        "route": route.id,
        "match": place,
        "ways": list(answer.ways),
        **_ways(route.policy, "the way"),
        "policies": [],
    }


def discovered_route(
    compiled: Compiled, settings: GatewaySettings, path: str, service: str
) -> Description:
    """The route of a service that registers, which is tried behind those of the file."""
    policy = compiled.policies.get(service, compiled.policy)
    return {
        "route": path,
        "match": {"prefix": path},
        "service": service,
        "rewrite": {"strip": path},
        **_ways(policy, "hop"),
        "policies": [*_policies(_Sources(compiled, settings, service), policy)],
    }


def routes_to_discover(compiled: Compiled, settings: GatewaySettings) -> list[Description]:
    """The discovered routes that a file tells of by itself; `{name}` is any service that registers."""
    if compiled.prefix is None:
        return []
    services = compiled.configuration.services
    named = [(route_of(name, compiled.prefix), name) for name in services]
    return [
        discovered_route(compiled, settings, path, service)
        for path, service in [*named, (f"{compiled.prefix}/{{name}}", "{name}")]
    ]


def _action(section: RouteSection) -> Description:
    """What becomes of the route's requests."""
    keys = ("service", "rewrite", "preserve_host", "paths", "redirect")
    told = {key: plain(getattr(section, key)) for key in keys if key in section.model_fields_set}
    if section.respond is not None:
        told["respond"] = {"status": section.respond.status}
        if section.respond.compose is not None:
            parts = section.respond.compose.parts.items()
            told["respond"]["compose"] = {name: _part(one) for name, one in parts}
    return told


def _maker(section: RouteSection) -> Maker:
    """What makes the answer."""
    if section.service is not None:
        return "hop"
    if section.respond is None:
        return "redirect"
    return "respond" if section.respond.compose is None else "compose"


def _part(section: Part) -> str:
    """What a part of a composition is, in words."""
    version = "" if section.version is None else f" {section.version.text}"
    of_service = f"{section.service}{version}"
    words = f"{section.method} {section.path} of {of_service} within {section.timeout_s:g}s"
    return f"{words}, optional" if section.optional else words


def _ways(policy: RoutePolicy, maker: Maker) -> Description:
    """What a request of the route goes through, and its answer on the way back."""
    return {"order": way_in(policy, maker), "order_out": way_out(policy, maker)}


def _policies(sources: "_Sources", policy: RoutePolicy) -> Iterator[Mapping[str, Any]]:
    """The policies of a route; a duration is in seconds, a size in bytes, and 0 no bound."""
    if sources.section is None or sources.section.service is not None:
        for key, variable in TIMEOUT_VARIABLES.items():
            source = sources.of_timeout(key, variable)
            yield _row(f"timeouts.{key.removesuffix('_s')}", getattr(policy.timeouts, key), source)
    names, source = sources.of_limits()
    yield _row("limits", list(names), source)
    by_name = {limit.name: limit for limit in policy.limits}
    for name in names:
        yield _row(f"limits.{name}", _limit_text(by_name.get(name)), sources.of_limit(name))
    if policy.cors is not None or sources.says("cors"):
        origins = None if policy.cors is None else list(policy.cors.origins)
        yield _row("cors", origins, sources.of_key("cors", "cors_origins"))
    for key in ("allow", "deny"):
        if sources.says(key):
            lists = getattr(sources.section, key)
            yield _row(key, None if lists is None else list(map(str, lists.sources)), ROUTE)
    if policy.body_bytes or sources.says("max_body_bytes"):
        yield _row(
            "max_body", policy.body_bytes, sources.of_key("max_body_bytes", "max_body_bytes")
        )
    if policy.auth is not None or sources.of_auth() != BUILT_IN:
        yield _row("auth", _auth_text(policy.auth), sources.of_auth())
    for key, value, source in cache.rows(sources.said("cache"), policy.cache):
        yield _row(key, value, source)
    for key, value, source in versions.rows(sources.said("versions"), policy.versions):
        yield _row(key, value, source)
    for key, value, source in split.rows(sources.said("split"), policy.split):
        yield _row(key, value, source)
    for key, value, source in compress.rows(sources.saying("compress"), policy.compress):
        yield _row(key, value, source)
    for section_key in ("request", "response"):
        for key, value, source in transform.rows(section_key, sources.said(section_key)):
            yield _row(key, value, source)
    for source, value in sources.said("rewrite_location")[:1]:
        yield _row("rewrite_location", value, source)
    for key, value, source in validate.rows(sources.said("validates"), policy.validate):
        yield _row(key, value, source)
    for key, value, source in mirror.rows(sources.said("mirror"), policy.mirrors):
        yield _row(key, value, source)
    of_service = sources.of_service
    if of_service is not None and "balance" in of_service.model_fields_set:
        yield _row("balance", balance_text(policy.balance), f"services.{sources.service}")
    for key, words in outliers.rows(policy):
        yield _row(key, words, f"services.{sources.service}")
    yield from _retries(policy.retries, f"services.{sources.service}")
    if policy.concurrent:
        yield _row("concurrent", policy.concurrent, f"services.{sources.service}")


def _retries(retries: Retries, source: str) -> Iterator[Mapping[str, Any]]:
    if retries.budget is None:
        return
    yield _row("retries.attempts", retries.attempts, source)
    on = sorted(retries.on, key=lambda cause: (isinstance(cause, int), cause))
    yield _row("retries.on", on, source)
    yield _row("retries.per_try", retries.per_try_s, source)
    yield _row("retries.budget", retries.budget, source)


class _Sources:
    """Where the policies of a route come from; a discovered one has no section."""

    def __init__(
        self,
        compiled: Compiled,
        settings: GatewaySettings,
        service: str,
        section: RouteSection | None = None,
    ) -> None:
        self.service = service
        self.section = section
        #: What wins over the environment, the most specific level first.
        self._levels: list[tuple[str, RouteSection | Service]] = []
        if section is not None:
            self._levels.append((ROUTE, section))
        self.of_service = compiled.configuration.services.get(service)
        if self.of_service is not None:
            self._levels.append((f"services.{service}", self.of_service))
        self._defaults = compiled.configuration.defaults
        self._limits = compiled.configuration.limits
        self._set = settings.model_fields_set

    def says(self, key: str) -> bool:
        """Whether the route itself says it."""
        return self.section is not None and key in self.section.model_fields_set

    def of_key(self, key: str, variable: str) -> str:
        return ROUTE if self.says(key) else self._of_variables((variable,))

    def of_timeout(self, key: str, variable: str) -> str:
        for source, section in self._levels:
            if "timeouts" in section.model_fields_set and _tells(section.timeouts, key):
                return source
        if variable in self._set:
            return _variable(variable)
        if "timeouts" in self._defaults.model_fields_set and _tells(self._defaults.timeouts, key):
            return DEFAULTS
        return BUILT_IN

    def of_limits(self) -> tuple[Sequence[str], str]:
        """The names of the limits too."""
        for source, section in self._levels:
            if "limits" in section.model_fields_set:
                return section.limits or (), source
        if "limits" in self._defaults.model_fields_set:
            return self._defaults.limits or (), DEFAULTS
        return (DEFAULT_POLICY,), BUILT_IN

    def of_auth(self) -> str:
        for source, section in self._levels:
            if "auth" in section.model_fields_set:
                return source
        return DEFAULTS if "auth" in self._defaults.model_fields_set else BUILT_IN

    def said(self, key: str) -> list[tuple[str, Any]]:
        """What each level says of a key, the most specific one first; a route without a service has none."""
        if self.section is not None and self.section.service is None:
            return []
        return self.saying(key)

    def saying(self, key: str) -> list[tuple[str, Any]]:
        """What each level says of a key that says it, the most specific one first."""
        levels = (*self._levels, (DEFAULTS, self._defaults))
        return [
            (source, getattr(one, key)) for source, one in levels if key in one.model_fields_set
        ]

    def of_limit(self, name: str) -> str:
        """Where the numbers of a limit come from."""
        source = f"limits.{name}" if name in self._limits else BUILT_IN
        return self._of_variables(_LIMIT_VARIABLES, source) if name == DEFAULT_POLICY else source

    def _of_variables(self, variables: Sequence[str], otherwise: str = BUILT_IN) -> str:
        told = [variable for variable in variables if variable in self._set]
        return ", ".join(map(_variable, told)) or otherwise


def _tells(timeouts: Timeouts | None, key: str) -> bool:
    """Whether a section sets this time-out; null sets all of them."""
    return timeouts is None or key in timeouts.model_fields_set


def _variable(field: str) -> str:
    return f"environment {field.upper()}"


def _row(key: str, value: Any, source: str) -> Mapping[str, Any]:
    return {"key": key, "value": value, "from": source}


def _auth_text(needed: Requirement | None) -> str:
    """Whom a route admits, in words."""
    if needed is None or needed.is_open:
        return "none"
    words = [f"any of {', '.join(needed.ways)}" if needed.ways else "nobody"]
    words += [f"scope {scope}" for scope in needed.all_scopes]
    if needed.any_scopes:
        words.append(f"one of the scopes {', '.join(needed.any_scopes)}")
    for name, values in needed.claims:
        words.append(f"claim {name} {' or '.join(sorted(values))}")
    if needed.pass_credentials:
        words.append("passes credentials")
    if needed.shadow:
        words.append("shadow")
    return ", ".join(words)


def _limit_text(limit: Policy | None) -> str | None:
    """The limit in words; None: it is off."""
    if limit is None:
        return None
    words = [f"{_most(limit)} by {limit.key_in_words}"]
    if limit.counts:
        words.append(f"answers {_statuses(limit.counts)}")
    if limit.cost is not None:
        words.append(f"cost in {limit.cost.place} {limit.cost.place_in_it}")
        words.append(f"{limit.need} reserved")
    if limit.shadow:
        words.append("shadow")
    return ", ".join(words)


def _most(limit: Policy) -> str:
    if limit.concurrent:
        return f"{limit.concurrent} in flight"
    units = " units" if limit.budget else ""
    return f"{limit.limit}{units} in {limit.window_us / 1_000_000:g} s"


def _statuses(statuses: Collection[int]) -> str:
    """Statuses as the file has them: 200-299 for a range."""
    first = sorted(one for one in statuses if one - 1 not in statuses)
    last = sorted(one for one in statuses if one + 1 not in statuses)
    ranges = zip(first, last, strict=True)
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
