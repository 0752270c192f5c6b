"""What only the file as a whole tells: names that are not there, routes that are the same.

The names are taken from the values as they stand, so that a mistake elsewhere hides none of these.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from pydantic import ValidationError

from discovery.base.steps import Steps, slices
from gateway.config.file.auth.checks import closed_by_silence, wrong_auth
from gateway.config.file.auth.stricter import led_around, open_by_name, open_by_parts, opened_by
from gateway.config.file.configuration import Configuration
from gateway.config.file.matches import Match
from gateway.config.file.mistakes import Mistake
from gateway.config.file.nodes import Mapping, Node, Path, Scalar, key_position, node_at
from gateway.config.file.odd_caches import odd_caches
from gateway.config.file.odd_mirrors import odd_mirrors
from gateway.config.file.odd_routes import odd
from gateway.config.file.odd_splits import odd_splits
from gateway.config.file.odd_versions import odd_versions
from gateway.config.file.routes import Route
from gateway.config.file.wording import or_nearest, quoted, quoted_list, spelled
from middlewares.limits.deciding import DEFAULT_POLICY

#: A check yields for each thing that it has looked at: None if nothing is wrong with it.
_Check = Iterator[Mistake | None]


def wrong_as_a_whole(
    value: Any, configuration: Configuration | None, root: Node
) -> Steps[list[Mistake]]:
    """The mistakes of a file; there is no configuration if some of its sections are wrong."""
    matches = enumerate(one.match for one in configuration.routes) if configuration else None
    checks: tuple[_Check, ...] = (
        _limits_not_there(value, root),
        wrong_auth(value, root),
        _same_names(value, root),
        _same_matches(matches or _right_matches(value), root),
    )
    if configuration is not None:
        checks = (*checks, opened_by(configuration, root), led_around(configuration, root))
    found: list[Mistake] = []
    for some in slices(chain(*checks)):
        found += filter(None, some)
        yield
    return found


def warnings(configuration: Configuration, value: Any, root: Node) -> Steps[list[Mistake]]:
    """What a file without mistakes says in vain."""
    used: set[str] = set()
    for some in slices(_limits_named(value)):
        used.update(name for _, name in some)
        yield
    found = [
        _warning(root, ("limits", name), "no route has this limit, nor have defaults")
        for name in configuration.limits
        if name not in used
    ]
    for routes in slices(enumerate(configuration.routes)):
        for index, route in routes:
            found += [
                _warning(root, ("routes", index, *path), message) for path, message in odd(route)
            ]
        yield
    for caches in slices(odd_caches(configuration)):
        found += [_warning(root, *one) for one in caches if one is not None]
        yield
    for some_odd in slices(
        chain(odd_versions(configuration), odd_splits(configuration), odd_mirrors(configuration))
    ):
        found += [_warning(root, *one) for one in some_odd if one is not None]
        yield
    for opened in slices(_let_through(configuration.routes)):
        found += [
            _warning(
                root,
                ("routes", index, "paths"),
                f"a service may read such paths as those of {_other(root, closed)}, "
                "whose allow and deny do not hold here",
            )
            for index, closed in opened
        ]
        yield
    found += [
        _warning(
            root,
            ("limits", name, "by"),
            "the file has no section auth, so nobody has a subject: each request is counted by its client",
        )
        for name, limit in configuration.limits.items()
        if limit.by == "subject" and not configuration.auth
    ]
    for routes in slices(enumerate(() if configuration.auth else configuration.routes)):
        found += [
            _warning(
                root,
                ("routes", index, "split", "by"),
                "the file has no section auth, so nobody has a subject: all clients go by their address",
            )
            for index, route in routes
            if route.split is not None and route.split.by == "subject"
        ]
        yield
    if configuration.tls is None:
        found += [
            _warning(
                root,
                ("auth", name),
                "clients show certificates over TLS alone, and the file has no section tls: give it one, or "
                "set TLS_CERT_FILE",
            )
            for name, way in configuration.auth.items()
            if way.type == "mtls"
        ]
    for parts in slices(open_by_parts(configuration)):
        found += [_warning(root, *one) for one in parts if one is not None]
        yield
    for indexes in slices(open_by_name(configuration)):
        found += [
            _warning(root, ("routes", index, "auth"), _around(configuration, index))
            for index in indexes
            if index is not None
        ]
        yield
    if closed_by_silence(value) and configuration.discover is not False:
        message = (
            "defaults say no auth, so nobody may use the routes of registered services below "
            f"{configuration.discover}; write defaults: {{auth: …}}, or discover: false"
        )
        found.append(_warning(root, ("auth",), message))
    found += [
        _warning(
            root,
            ("services", name, key),
            "has no value, so it does nothing; write {} for its defaults",
        )
        for name, service in configuration.services.items()
        for key in ("outliers", "breaker", "retries")
        if getattr(service, key) is None and _is_empty(node_at(root, ("services", name)), key)
    ]
    if configuration.discover is not False:
        return found  # every service may have its route by name
    asked = {service for route in configuration.routes for service in route.services}
    found += [
        _warning(root, ("services", name), "no route goes to this service")
        for name in configuration.services
        if name not in asked
    ]
    return found


def _around(configuration: Configuration, index: int) -> str:
    service = configuration.routes[index].service or ""
    says = configuration.services.get(service)
    level = f"services.{service}" if says and "auth" in says.model_fields_set else "defaults"
    return (
        f"whom this refuses can call {service} below {configuration.discover} all the same, where the auth of "
        f"{level} holds; write a stricter one in services.{service}, or discover: false"
    )


def _let_through(routes: Sequence[Route]) -> Iterator[tuple[int, int]]:
    """Each route that takes paths as they are, with one of its service that admits other clients."""
    closed: dict[str, list[int]] = {}
    as_is = [index for index, route in enumerate(routes) if route.paths and route.service]
    for index, route in enumerate(routes if as_is else ()):
        if route.service and (route.allow or route.deny):
            closed.setdefault(route.service, []).append(index)
    for index in as_is:
        route = routes[index]
        for other in closed.get(route.service or "", ()):
            if (routes[other].allow, routes[other].deny) != (route.allow, route.deny):
                yield index, other
                break


def _is_empty(mapping: Node, key: str) -> bool:
    """Whether nothing stands behind a key; who writes `null` means it."""
    entry = mapping.entries.get(key) if isinstance(mapping, Mapping) else None
    return entry is not None and isinstance(entry.node, Scalar) and entry.node.text == ""


def never_reached(root: Node, index: int, before: int) -> Mistake:
    """The warning for a route whose requests all go to another one."""
    message = f"gets no request: {_other(root, before)} takes all of them"
    return _warning(root, ("routes", index), message)


def behind_endpoint(root: Node, index: int, endpoint: str, *, on_both_ports: bool) -> Mistake:
    """The warning for a route whose whole path is that of an endpoint of the gateway's."""
    moved = "" if on_both_ports else " unless ADMIN_LISTEN gives it another address"
    message = f"gets no request: the gateway's own {endpoint} comes first{moved}"
    return _warning(root, ("routes", index), message)


def behind_log_in(root: Node, index: int, path: str) -> Mistake:
    """The warning for a route whose whole path is one of the log-ins on its host."""
    message = f"the log-in of this host answers at {path}: give this route another path"
    return _warning(root, ("routes", index), message)


def _warning(root: Node, path: Path, message: str) -> Mistake:
    return Mistake(key_position(root, path), spelled(path), message, "warning")


def _routes(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    routes = value.get("routes")
    for index, route in enumerate(routes if isinstance(routes, tuple) else ()):
        if isinstance(route, dict):
            yield index, route


def _limits_named(value: Any) -> Iterator[tuple[Path, str]]:
    """Each name of a limit with its path."""
    routes = ((("routes", index), route) for index, route in _routes(value))
    named = value.get("services")
    services = named.items() if isinstance(named, dict) else ()
    holders: Iterator[tuple[Path, Any]] = chain(
        [(("defaults",), value.get("defaults"))],
        ((("services", name), service) for name, service in services),
        routes,
    )
    for path, holder in holders:
        names = holder.get("limits") if isinstance(holder, dict) else None
        for index, name in enumerate(names if isinstance(names, tuple) else ()):
            if isinstance(name, str):
                yield (*path, "limits", index), name


def _limits_not_there(value: Any, root: Node) -> _Check:
    limits = value.get("limits", {})
    if not isinstance(limits, dict):
        return
    limits = dict.fromkeys([*limits, DEFAULT_POLICY])
    there = f"; there {'are' if len(limits) > 1 else 'is'} {quoted_list(limits)}"
    for path, name in _limits_named(value):
        if name in limits:
            yield None
        else:
            message = f"there is no limit {quoted(name)}{or_nearest(name, limits, there)}"
            yield Mistake(node_at(root, path).position, spelled(path), message)


def _same_names(value: Any, root: Node) -> _Check:
    first: dict[str, int] = {}
    for index, route in _routes(value):
        name = route.get("name")
        if not isinstance(name, str):
            continue
        before = first.setdefault(name, index)
        if before == index:
            yield None
        else:
            path = ("routes", index, "name")
            message = f"the name is that of {_other(root, before)} too; choose another one"
            yield Mistake(node_at(root, path).position, spelled(path), message)


def _same_matches(matches: Iterable[tuple[int, Match]], root: Node) -> _Check:
    first: dict[object, int] = {}
    for index, match in matches:
        before = first.setdefault(match.same, index)
        if before == index:
            yield None
        else:
            path = ("routes", index, "match")
            message = f"takes the very same requests as {_other(root, before)}"
            yield Mistake(key_position(root, path), spelled(path), message)


def _right_matches(value: Any) -> Iterator[tuple[int, Match]]:
    """The matches of a file that are right themselves."""
    for index, route in _routes(value):
        with suppress(ValidationError):
            yield index, Match.model_validate(route.get("match"))


def _other(root: Node, index: int) -> str:
    return f"routes[{index}] in line {node_at(root, ('routes', index)).position.line}"
