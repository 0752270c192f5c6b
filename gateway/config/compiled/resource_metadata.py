"""The routes that say which issuers' tokens the routes of a file take (RFC 9728)."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from discovery.base.steps import Steps, slices
from middlewares.auth.deciding import Requirement
from middlewares.auth.resource_metadata import WELL_KNOWN, ResourceMetadata
from middlewares.auth.way import Spec
from middlewares.auth.ways.jwt.spec import JwtSpec
from middlewares.routing.matching.match import Match
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import Route

_METHODS = frozenset(["GET", "HEAD"])


@dataclass(slots=True)
class _Place:
    """Where a document is, and what it names; a dict without values is a set that keeps its order."""

    match: Match
    policy: RoutePolicy
    ways: dict[str, None] = field(default_factory=dict)
    issuers: dict[str, None] = field(default_factory=dict)
    scopes: dict[str, None] = field(default_factory=dict)

    def add(self, needed: Requirement, specs: Mapping[str, JwtSpec]) -> None:
        for name in needed.ways:
            if (spec := specs.get(name)) is not None:
                self.ways[name] = None
                if "://" in spec.rules.issuer:  # nobody can ask another one for a token
                    self.issuers[spec.rules.issuer] = None
                self.scopes.update(dict.fromkeys(spec.scopes_supported))
        self.scopes.update(dict.fromkeys((*needed.all_scopes, *needed.any_scopes)))


def metadata_routes(
    routes: Iterable[tuple[Match, Route]],
    discovered: Iterable[tuple[str, RoutePolicy]],
    specs: Mapping[str, Spec],
) -> Steps[list[tuple[Match, Route]]]:
    """A route for each one that takes tokens, and one for each host; everybody may use them.

    `discovered` are the prefixes of routes that the file does not name. A host on which a route of the file
    has such a path itself gets none.
    """
    of_tokens = {name: spec for name, spec in specs.items() if isinstance(spec, JwtSpec)}
    if not of_tokens:
        return []
    places: dict[Hashable, _Place] = {}
    taken: set[str | None] = set()
    named = chain(
        ((match, route.policy) for match, route in routes),
        ((Match(prefix=prefix), policy) for prefix, policy in discovered),
    )
    for some in slices(named):
        for match, policy in some:
            if (match.path or match.prefix or "").startswith(WELL_KNOWN):
                taken.add(match.host)
            needed = policy.auth
            if needed is None or of_tokens.keys().isdisjoint(needed.ways):
                continue
            for place in (_below(match), Match(match.host, WELL_KNOWN, methods=_METHODS)):
                open_to_all = replace(policy, auth=None, cache=None)
                found = places.setdefault(place.identity, _Place(place, open_to_all))
                found.add(needed, of_tokens)
        yield
    made: list[tuple[Match, Route]] = []
    for several in slices(places.values() if None not in taken else ()):
        made += [(one.match, _route(one)) for one in several if one.match.host not in taken]
        yield
    return made


def _below(match: Match) -> Match:
    """The same path behind WELL_KNOWN; what else the route asks for is not asked of who looks it up."""
    if match.path is not None:
        return Match(match.host, WELL_KNOWN + match.path, methods=_METHODS, as_is=match.as_is)
    prefix = WELL_KNOWN + (match.prefix or "/")
    return Match(match.host, prefix=prefix, methods=_METHODS, as_is=match.as_is)


def _route(place: _Place) -> Route:
    path = place.match.path or f"{(place.match.prefix or '').rstrip('/')}/*"
    answer = ResourceMetadata(
        place.match.host, path, tuple(place.ways), tuple(place.issuers), tuple(place.scopes)
    )
    return Route(f"{place.match.host or ''}{path}", "", "", place.policy, answer=answer)
