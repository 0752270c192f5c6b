"""Routes that lead around the stricter auth of another one of the same service."""

from collections.abc import Iterator

from gateway.config.file.auth.route import Requirement
from gateway.config.file.configuration import Configuration
from gateway.config.file.mistakes import Mistake
from gateway.config.file.nodes import Node, Path, key_position, node_at
from gateway.config.file.routes import Route
from gateway.config.file.split import is_service
from gateway.config.file.wording import spelled

_Auth = Requirement | str | None


def opened_by(configuration: Configuration, root: Node) -> Iterator[Mistake | None]:
    """A mistake for each route with `paths: as_is` whose service has a route with stricter auth.

    The service may read such a path as one of that route.
    """
    routes = configuration.routes
    as_is = [index for index, route in enumerate(routes) if route.paths and route.service]
    if not as_is or not configuration.auth:
        return
    of_service: dict[str, list[int]] = {}
    for index, route in enumerate(routes):
        if route.service:
            of_service.setdefault(route.service, []).append(index)
        yield None
    for index in as_is:
        route = routes[index]
        own = auth_of(route, configuration, route.service or "")
        for other in of_service.get(route.service or "", ()):
            if other != index and not _as_strict(
                own, auth_of(routes[other], configuration, route.service or "")
            ):
                path = ("routes", index, "paths")
                line = node_at(root, ("routes", other)).position.line
                message = (
                    f"a service may read such paths as those of routes[{other}] in line {line}, "
                    "whose auth is stricter"
                )
                yield Mistake(key_position(root, path), spelled(path), message)
                break
        yield None


def led_around(configuration: Configuration, root: Node) -> Iterator[Mistake | None]:
    """A mistake for each share of another service that asks for more than the route does.

    Only the route's own service and the route are asked whom they admit.
    """
    if not configuration.auth:
        return
    for index, route in enumerate(configuration.routes):
        split, service = route.split, route.service or ""
        for name in () if split is None else filter(is_service, split.shares):
            own = auth_of(route, configuration, service)
            if not _as_strict(own, auth_of(route, configuration, name)):
                path = ("routes", index, "split", "shares", name)
                message = (
                    f"the auth of {name} is stricter than that of the route; say auth on the route"
                )
                yield Mistake(key_position(root, path), spelled(path), message)
        yield None


def open_by_name(configuration: Configuration) -> Iterator[int | None]:
    """The first route of each service that the service's route by name below `discover` leads around."""
    if configuration.discover is False or not configuration.auth:
        return
    told: set[str] = set()
    for index, route in enumerate(configuration.routes):
        if route.service and route.service not in told:
            by_name = auth_of(None, configuration, route.service)
            if not _as_strict(by_name, auth_of(route, configuration, route.service)):
                told.add(route.service)
                yield index
        yield None


def open_by_parts(configuration: Configuration) -> Iterator[tuple[Path, str] | None]:
    """The parts of compositions whose services say a stricter auth than their route has; None for each route."""
    for index, route in enumerate(configuration.routes if configuration.auth else ()):
        compose = None if route.respond is None else route.respond.compose
        for name, part in compose.parts.items() if compose is not None else ():
            service = configuration.services.get(part.service)
            if service is None or "auth" not in service.model_fields_set:
                continue
            if not _as_strict(auth_of(route, configuration, ""), service.auth):
                path = ("routes", index, "respond", "compose", "parts", name, "service")
                yield (
                    path,
                    (
                        f"whom the auth of services.{part.service} refuses gets its answers here: only the auth of "
                        "the route holds for a composition"
                    ),
                )
        yield None


def auth_of(route: Route | None, configuration: Configuration, service: str) -> _Auth:
    """What holds for a route, or for the one by the service's name: the most specific level counts."""
    for level in (route, configuration.services.get(service), configuration.defaults):
        if level is not None and "auth" in level.model_fields_set:
            return level.auth
    return None


def _as_strict(own: _Auth, other: _Auth) -> bool:
    """Whether everybody whom the one admits is admitted by the other too."""
    if own is None or other == "none":  # nothing said: nobody is admitted
        return True
    if isinstance(other, Requirement) and other.shadow:
        return True
    if not isinstance(own, Requirement) or not isinstance(other, Requirement):
        return False
    return (
        set(own.any_of) <= set(other.any_of)
        and not own.shadow
        and _scopes_as_strict(own, other)
        and all(
            name in own.claims and set(own.claims[name]) <= set(values)
            for name, values in other.claims.items()
        )
    )


def _scopes_as_strict(own: Requirement, other: Requirement) -> bool:
    mine, theirs = own.scopes, other.scopes
    if theirs is None:
        return True
    if mine is None or not set(mine.all) >= set(theirs.all):
        return False
    one_of = set(theirs.any)
    return not one_of or bool(one_of & set(mine.all)) or bool(mine.any and set(mine.any) <= one_of)
