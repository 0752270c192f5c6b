"""What a file says of mirrors that is allowed, but does nothing or is hardly what was meant."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from gateway.config.file.configuration import Configuration
from gateway.config.file.mirror import Mirror, ToService
from gateway.config.file.nodes import Path
from gateway.config.file.routes import Route
from gateway.config.file.split import is_service
from gateway.config.file.wording import quoted
from middlewares.version_ranges import VersionRange, parse_range

#: Names that are so much alike are hardly two services.
_ALIKE = 0.85

ALL_VERSIONS = (
    "the route's own requests go to instances of these versions too, so that they are compared with themselves: "
    "give it versions or split"
)
THE_SAME = "is the service of the route's own requests, so that it is compared with itself"
NO_METHOD = "nothing is copied: the route takes none of these methods"


def odd_mirrors(configuration: Configuration) -> Iterator[tuple[Path, str] | None]:
    """Where mirrors are odd, and why, each once; None for each route that was looked at."""
    told: set[Path] = set()
    names = {*configuration.services, *(route.service for route in configuration.routes)} - {None}
    known = sorted(str(name) for name in names)
    for index, route in enumerate(configuration.routes):
        yield None
        for path, message in _odd(configuration, index, route, known):
            if path not in told:
                told.add(path)
                yield path, message


def _odd(
    configuration: Configuration, index: int, route: Route, known: Sequence[str]
) -> Iterator[tuple[Path, str]]:
    levels = _levels(configuration, index, route)
    place, value = _last(levels, "mirror")
    if value is None:
        return
    is_list = not isinstance(value, Mirror)
    for at, mirror in enumerate(value if is_list else (value,)):
        path: Path = (*place, "mirror", at) if is_list else (*place, "mirror")
        if route.match.methods and not {*route.match.methods} & {*mirror.methods}:
            yield (*path, "methods") if "methods" in mirror.model_fields_set else path, NO_METHOD
        to = mirror.to
        if isinstance(to, ToService):
            yield from _odd_service((*path, "to"), to.service, route, known)
        elif why := _served(to, route, levels):
            yield (*path, "to"), why


def _odd_service(
    path: Path, service: str, route: Route, known: Sequence[str]
) -> Iterator[tuple[Path, str]]:
    if service == route.service:
        yield path, THE_SAME
    elif service not in known and (near := get_close_matches(service, known, 1, _ALIKE)):
        yield path, f"no route goes to a service of this name; did you mean {quoted(near[0])}?"


def _served(to: VersionRange, route: Route, levels: Sequence[tuple[Path, Any]]) -> str:
    """Why the route's own requests go to versions of the range too; empty: they do not."""
    if route.split is not None:
        for name, weight in route.split.shares.items():
            if weight and not is_service(name) and parse_range(name).overlaps(to):
                return f"the share {quoted(name)} of the route goes to these versions too"
        return ""
    _, versions = _last(levels, "versions")
    if versions is None:
        return ALL_VERSIONS
    default: VersionRange | None = None
    for _, level in levels:  # key by key, the most specific one last
        section = level.versions if "versions" in level.model_fields_set else None
        if section is not None and section.default is not None:
            default = section.default
    if default is not None and default.overlaps(to):
        return f"requests that name no version go to {default}, and so to these versions too"
    return ""


def _levels(configuration: Configuration, index: int, route: Route) -> list[tuple[Path, Any]]:
    service = configuration.services.get(route.service or "")
    levels: list[tuple[Path, Any]] = [(("defaults",), configuration.defaults)]
    if route.service is None:
        return []
    if service is not None:
        levels.append((("services", route.service), service))
    return [*levels, (("routes", index), route)]


def _last(levels: Sequence[tuple[Path, Any]], key: str) -> tuple[Path, Any]:
    """What the most specific level says that says the key, and where; None: nothing."""
    for path, level in reversed(levels):
        if key in level.model_fields_set:
            return path, getattr(level, key)
    return (), None
