"""What a file says of splits that is allowed, but leaves a share without instances or mixes two of them."""

from collections.abc import Iterator

from gateway.config.file.configuration import Configuration
from gateway.config.file.nodes import Path
from gateway.config.file.routes import Route
from gateway.config.file.split import is_service
from middlewares.version_ranges import parse_range

NO_VERSIONS = (
    "addresses that stand in the file have no versions, so no request can go to this share; let the instances "
    "register, or name a service for each share"
)
ALL_VERSIONS = "has all versions of the route's service, so their instances serve both shares; name a range here too"


def odd_splits(configuration: Configuration) -> Iterator[tuple[Path, str] | None]:
    """Where splits are odd, and why; None for each route that was looked at."""
    for index, route in enumerate(configuration.routes):
        yield None
        for name, message in _odd(configuration, route):
            yield ("routes", index, "split", "shares", name), message


def _odd(configuration: Configuration, route: Route) -> Iterator[tuple[str, str]]:
    if route.split is None or route.service is None:
        return
    ranges = [name for name in route.split.shares if not is_service(name)]
    service = configuration.services.get(route.service)
    if service is not None and service.urls:
        for name in ranges:
            if not parse_range(name).is_any:
                yield name, NO_VERSIONS
    if ranges and route.service in route.split.shares:
        yield route.service, ALL_VERSIONS
