"""What a worker knows of versions: the layers of routes with `versions`, and who calls which version."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp.typedefs import Middleware

from discovery.view.view import View
from middlewares.exchange import Exchange
from middlewares.routing.deciding import target_behind
from middlewares.routing.rewriting import ToPath, ToPrefix
from middlewares.versions.callers import VersionCalls
from middlewares.versions.layer import rest_of, versions_middleware
from middlewares.versions.registered import RegisteredVersions
from middlewares.versions.served import served_version_middleware

if TYPE_CHECKING:
    from prometheus_client.registry import CollectorRegistry


class Versioning:
    """The parts of one worker; `view` is None while nothing is known of the services."""

    def __init__(self, view: Callable[[], View | None], registry: "CollectorRegistry") -> None:
        from middlewares.telemetry.version_metrics import VersionCollector

        self.calls = VersionCalls()
        self.registered = RegisteredVersions(view)
        registry.register(VersionCollector(lambda: self.calls.deprecated))

    def naming(self) -> Middleware:
        """The layer that finds out which version a request is for."""
        return versions_middleware(
            registered=self.registered.of, unix_s=time.time, calls=self.calls
        )

    def telling(self) -> Middleware:
        """The layer that says which version has answered."""
        return served_version_middleware(
            target_of=_target_of, rest_of=rest_of, prefix_of=_prefix_of
        )


def _target_of(exchange: Exchange) -> str:
    """The target that an instance would get."""
    route = exchange.route
    assert route is not None, "the route layer comes before"
    return target_behind(route, exchange.hit, exchange.target)


def _prefix_of(exchange: Exchange) -> str | None:
    """The prefix that the instance does not see; None: it sees something of what is before the rest."""
    hit, route = exchange.hit, exchange.route
    assert route is not None, "only a request with a route has a version"
    if hit is None:
        return route.prefix
    if hit.match.path is not None or isinstance(route.rewrite, ToPath | ToPrefix):
        return None
    return route.prefix if (hit.match.prefix or "").rstrip("/") == route.prefix else None
