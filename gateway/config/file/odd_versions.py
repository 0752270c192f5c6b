"""What a file says of versions that is allowed, but does nothing or is hardly what was meant."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.file.configuration import Configuration
from gateway.config.file.nodes import Path
from gateway.config.file.routes import Route
from gateway.config.file.versions import NamedIn, Versions

NO_SEGMENT = (
    "reads nothing here: the route's match has a path, and only behind a prefix there is a segment for a version; "
    "write match.prefix"
)
NO_VERSIONS = (
    "addresses that stand in the file have no versions, so a request that names one is answered with 404; let the "
    "instances register, or name a service for each version"
)
NOT_DEPRECATED = "does nothing: nothing is deprecated, so there is no sunset"


def odd_versions(configuration: Configuration) -> Iterator[tuple[Path, str] | None]:
    """Where versions are odd, and why, each once; None for each route that was looked at."""
    told: set[Path] = set()
    for index, route in enumerate(configuration.routes):
        yield None
        for path, message in _odd(configuration, index, route):
            if path not in told:
                told.add(path)
                yield path, message


def _odd(configuration: Configuration, index: int, route: Route) -> Iterator[tuple[Path, str]]:
    keys = _keys(configuration, index, route)
    if keys is None:
        return
    if "places" in keys and route.match.path is not None:
        path, places = keys["places"]
        for at, place in enumerate(places):
            if path[0] == "routes" and _is_path(place):
                yield (*path, at), NO_SEGMENT
    service = configuration.services.get(route.service or "")
    if service is not None and service.urls:
        yield ("services", route.service or "", "urls"), NO_VERSIONS
    path, default = keys.get("default", ((), None))
    _, deprecated = keys.get("deprecated", ((), None))
    gone_path, is_gone = keys.get("gone_after_sunset", ((), False))
    if is_gone and not any(one.sunset for one in (deprecated or {}).values()):
        yield gone_path, NOT_DEPRECATED
    if default is None:
        return
    for versions, one in (deprecated or {}).items():
        ends = is_gone if one.gone_after_sunset is None else one.gone_after_sunset
        if ends and one.sunset is not None and default.is_within(versions):
            yield (
                path,
                f"requests that name no version are answered with 410 from {one.sunset} on, when {versions} ends",
            )


def _keys(
    configuration: Configuration, index: int, route: Route
) -> Mapping[str, tuple[Path, Any]] | None:
    """Each key that a level says, from the most specific one, with its path; None: the route has no versions."""
    if route.service is None:
        return None
    found: dict[str, tuple[Path, Any]] = {}
    section: Versions | None = None
    levels: tuple[tuple[Path, Any], ...] = (
        (("defaults",), configuration.defaults),
        (("services", route.service), configuration.services.get(route.service)),
        (("routes", index), route),
    )
    is_there = False
    for path, level in levels:
        if level is None or "versions" not in level.model_fields_set:
            continue
        section = level.versions
        is_there = section is not None
        if section is None:
            found.clear()
            continue
        for key in section.model_fields_set:
            name = Versions.model_fields[key].alias or key
            found[key] = ((*path, "versions", name), getattr(section, key))
    return found if is_there else None


def _is_path(place: str | NamedIn) -> bool:
    return isinstance(place, str) or place.path is not None
