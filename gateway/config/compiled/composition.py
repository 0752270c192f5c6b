"""Turns what the file says of a composition into what requests are answered by."""

from collections.abc import Callable

from gateway.config.file.composition import Part as PartSection
from gateway.config.file.routes import Respond
from middlewares.compose.composition import Composition, Part
from middlewares.costs.deciding import tokens_of
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import Route


def composition_of(
    route: str, section: Respond, policy_of: Callable[[str], RoutePolicy]
) -> Composition:
    """The composition of a route; `policy_of` gives the policy of a service."""
    compose = section.compose
    assert compose is not None, "the caller has looked"
    return Composition(
        parts=tuple(
            _part(name, one, Route(f"{route}.{name}", one.service, "", policy_of(one.service)))
            for name, one in compose.parts.items()
        ),
        status=section.status,
        fields=tuple(section.headers.items()),
        marks=None if compose.partial is None else tokens_of(compose.partial),
    )


def _part(name: str, section: PartSection, route: Route) -> Part:
    return Part(
        name,
        route,
        section.path,
        into=(name,) if section.into is None else tokens_of(section.into),
        method=section.method,
        fields=tuple((key.encode("ascii"), text) for key, text in section.headers.items()),
        body=section.body,
        timeout_s=section.timeout_s,
        optional=section.optional,
        take=tokens_of(section.take),
        passes=frozenset(one.lower().encode("ascii") for one in section.pass_headers),
        passes_query=section.pass_query,
        versions=section.version,
    )
