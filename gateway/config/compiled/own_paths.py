"""The routes of the ways' own paths, which are on the hosts of the routes that use these ways."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from discovery.base.steps import Steps, slices
from gateway.config.file.auth.route import Requirement
from gateway.config.file.configuration import Configuration
from middlewares.auth.way import HasPaths, Spec
from middlewares.routing.matching.match import Match, host_name
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import OfWays, Route

_WILDCARD = "*."

#: An exact path on a host; None: on every host.
_Place = tuple[str | None, str]


def own_routes(
    configuration: Configuration, specs: Mapping[str, Spec], policy: RoutePolicy
) -> Steps[list[tuple[Match, Route]]]:
    """Routes that take each way's own paths where the way is used; everybody may use them.

    `policy` is that of discovered routes.
    """
    if not any(isinstance(spec, HasPaths) for spec in specs.values()):
        return []
    open_to_all = replace(policy, auth=None, cache=None)
    places = yield from _places(configuration, specs)
    return [
        (
            Match(host=host, path=path),
            Route(
                f"{host or ''}{path}", "", "", open_to_all, answer=OfWays(host, path, tuple(ways))
            ),
        )
        for (host, path), ways in places.items()
    ]


def _places(
    configuration: Configuration, specs: Mapping[str, Spec]
) -> Steps[Mapping[_Place, dict[str, None]]]:
    """The ways that have a path on a host, each once, in the order of the file's routes."""
    places: dict[_Place, dict[str, None]] = {}
    for some in slices(used_ways(configuration)):
        for host, names in some:
            for name in names:
                spec = specs[name]
                for path in spec.own_paths if isinstance(spec, HasPaths) else ():
                    places.setdefault((host, path), {})[name] = None
        yield
    # A request that no route of its own host takes may be one of a more general host.
    return {
        (host, path): dict.fromkeys(
            name
            for general in (host, *_more_general(host))
            for name in places.get((general, path), ())
        )
        for host, path in places
    }


def _more_general(host: str | None) -> Iterator[str | None]:
    """The hosts with a wildcard that take this one too, the longest first, and then every host."""
    if host is not None:
        labels = host.removeprefix(_WILDCARD).split(".")
        for number in range(1, len(labels)):
            yield _WILDCARD + ".".join(labels[number:])
        yield None


def used_ways(configuration: Configuration) -> Iterator[tuple[str | None, Sequence[str]]]:
    """The host of each route with the ways that are used there; None: every host."""
    general = (
        configuration.defaults.auth if "auth" in configuration.defaults.model_fields_set else None
    )
    services = configuration.services
    of_services = {
        name: one.auth if "auth" in one.model_fields_set else general
        for name, one in services.items()
    }
    for route in configuration.routes:
        said = of_services.get(route.service or "", general)
        if "auth" in route.model_fields_set:
            said = route.auth
        host = None if route.match.host is None else canonical(route.match.host)
        yield host, said.any_of if isinstance(said, Requirement) else ()
    if configuration.discover:
        for said in (general, *of_services.values()):
            yield None, said.any_of if isinstance(said, Requirement) else ()


def canonical(host: str) -> str:
    """The one spelling of a route's host."""
    if not host.startswith(_WILDCARD):
        return host_name(host)
    return _WILDCARD + host_name(host.removeprefix(_WILDCARD))
