"""GET /routes: the routes of the configuration file, then the discovered ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps, slices
from discovery.health.book import HealthBook
from discovery.view.view import View
from gateway.config.settings import GatewaySettings
from gateway.endpoints.process import answer
from gateway.guard.admin import AdminGuard
from gateway.worker.configuration.reloading import Configuration
from middlewares.candidates.deciding import find_candidates
from middlewares.failures import NoConfiguration
from middlewares.routing.routing import Routing

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.config.compiled.compiling import Compiled

USABLE, NOT_USABLE, UNKNOWN = "usable", "no usable instance", "unknown service"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesEndpoint:
    """The handler; `view` is None while nothing is known of the services."""

    configuration: "Configuration[Compiled] | None"
    settings: GatewaySettings
    routing: Routing
    view: Callable[[], View | None]
    health: HealthBook
    guard: AdminGuard

    async def show(self, request: web.Request) -> web.Response:
        """Each route with its policies, where these come from, and whether its service has instances."""
        if self.configuration is None:
            raise NoConfiguration  # before the token: `lockgate routes` then asks for /services
        self.guard.require(request)
        document = await in_steps(self._describing(self.configuration.in_force))
        return answer({"file": str(self.configuration.path), **document})

    def _describing(self, compiled: "Compiled") -> Steps[dict[str, Any]]:
        from gateway.config.compiled.describing import configured_routes, discovered_route

        view, table = self.view(), self.routing.table
        routes = yield from configured_routes(compiled, self.settings)
        discovered = []
        for names in slices(sorted(view.services) if view is not None else ()):
            for name in names:
                path = table.route_to(name, view) if view is not None else None
                if path is not None:
                    discovered.append(discovered_route(compiled, self.settings, path, name))
            yield
        for some in slices([*routes, *discovered]):
            for route in some:
                if view is not None and "service" in route:
                    route["instances"] = self._instances(route["service"], view)
            yield
        return {"discover": compiled.prefix, "routes": routes, "discovered": discovered}

    def _instances(self, service: str, view: View) -> dict[str, Any]:
        """How many instances of a service can get requests."""
        entries = view.services.get(service, {}).values()
        health = self.health
        found = find_candidates(entries, health.status, health.is_suspected, health.is_ejected)
        state = USABLE if found.candidates else NOT_USABLE if entries else UNKNOWN
        return {"state": state, "usable": len(found.candidates), "total": len(entries)}
