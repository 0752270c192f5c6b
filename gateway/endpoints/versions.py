"""GET /versions: the instances of each version, and who calls which version."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from aiohttp import web

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps, slices
from discovery.client.describing import rfc3339
from discovery.health.book import HealthBook
from discovery.view.view import Entry, View
from gateway.endpoints.pooling.asking import Asking
from gateway.endpoints.process import answer
from gateway.guard.admin import AdminGuard
from gateway.worker.configuration.reloading import Configuration
from middlewares.failures import NoConfiguration

if TYPE_CHECKING:  # a gateway without a file loads nothing of these
    from gateway.config.compiled.compiling import Compiled
    from gateway.worker.versioning import Versioning
    from middlewares.routing.route import Route
    from middlewares.versions.callers import Calls
    from middlewares.versions.policy import Deprecated

_Described = dict[str, Any]
_CallsOfAll = Mapping[tuple[str, str], "Calls"]
TOPIC = "versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsEndpoint:
    """The handler; `view` is None while nothing is known of the services."""

    configuration: "Configuration[Compiled] | None"
    versioning: "Versioning | None"
    view: Callable[[], View | None]
    health: HealthBook
    guard: AdminGuard
    asking: Asking

    def listen(self) -> None:
        """Let siblings have the calls of this worker."""
        if self.versioning is not None:
            self.asking.answers(TOPIC, self._told)

    async def show(self, request: web.Request) -> web.Response:
        """What this gateway knows of versions; the calls are those of its workers since they began."""
        self.guard.require(request)
        if self.configuration is None or self.versioning is None:
            raise NoConfiguration
        others = await self.asking.ask_each(TOPIC)
        calls = await self._calls(self.versioning, others.documents)
        described = await in_steps(self._describing(self.configuration.in_force, calls))
        return answer(others.completed(described))

    async def _calls(self, versioning: "Versioning", others: Sequence[Any]) -> "_CallsOfAll":
        """What was called through this worker and the others."""
        if not others:
            return {(route, version): counted for route, version, counted in versioning.calls}
        from middlewares.versions.calls_of_all import joined, of_plain

        told = (one for plain in others for one in of_plain(plain))
        return await in_steps(joined(chain(versioning.calls, told)))

    async def _told(self, _asked: Any) -> Any:
        from middlewares.versions.calls_of_all import to_plain

        assert self.versioning is not None, "it listens"
        return await in_steps(to_plain(self.versioning.calls))

    def _describing(self, compiled: "Compiled", counted_calls: "_CallsOfAll") -> Steps[_Described]:
        view = self.view()
        services = []
        for names in slices(sorted(view.services) if view is not None else ()):
            for name in names:
                entries = view.services[name].values() if view is not None else ()
                described = self._service(name, entries)
                if described is not None:
                    services.append(described)
            yield
        calls: dict[str, dict[str, Calls]] = {}
        for some in slices(counted_calls.items()):
            for (route, version), counted in some:
                calls.setdefault(route, {})[version] = counted
            yield
        routes = []
        for found in slices(compiled.matcher.order()):
            routes += [
                _route(route, calls.pop(route.id, {}))
                for route in found
                if route.policy.versions is not None
            ]
            yield
        # Those of services that register, and of a file that is no longer in force.
        for some_left in slices(sorted(calls)):
            routes += [_calls_of(route, calls[route], ()) for route in some_left]
            yield
        return {"services": services, "routes": routes}

    def _service(self, name: str, entries: Any) -> _Described | None:
        """The versions of a service, the newest first; None: none of its instances has a version."""
        found: dict[str | None, list[Entry]] = {}
        for entry in entries:
            found.setdefault(entry.instance.version, []).append(entry)
        if not found or [*found] == [None]:
            return None
        from middlewares.versions.deciding.choosing import in_order

        order: list[str | None] = [
            *reversed(in_order(version for version in found if version is not None))
        ]
        if None in found:
            order.append(None)
        return {
            "service": name,
            "versions": [
                {
                    "version": version,
                    "instances": len(found[version]),
                    "healthy": sum(map(self._is_healthy, found[version])),
                }
                for version in order
            ],
        }

    def _is_healthy(self, entry: Entry) -> bool:
        return not entry.draining and self.health.status(entry.key) == "healthy"


def _route(route: "Route", calls: Mapping[str, "Calls"]) -> _Described:
    versions = route.policy.versions
    assert versions is not None, "the caller has looked"
    return _calls_of(route.id, calls, versions.deprecated)


def _calls_of(
    route: str, calls: Mapping[str, "Calls"], deprecated: "tuple[Deprecated, ...]"
) -> _Described:
    by_text = {one.versions.text: one for one in deprecated}
    return {
        "route": route,
        "versions": [
            _calls(version, calls.get(version), by_text.get(version))
            for version in dict.fromkeys((*by_text, *sorted(calls)))
        ],
    }


def _calls(version: str, calls: "Calls | None", deprecated: "Deprecated | None") -> _Described:
    return {
        "version": version,
        "deprecated": None if deprecated is None else _deprecated(deprecated),
        "requests": calls.requests if calls is not None else 0,
        "refused": calls.refused if calls is not None else 0,
        "last_seen": None if calls is None else _time(calls.last_s),
        "callers": [*_callers(calls)] if calls is not None else [],
        "others": calls.others if calls is not None else 0,
    }


def _callers(calls: "Calls") -> Iterator[_Described]:
    for caller, requests, last_s in calls.ranked():
        yield {
            "by": caller.by,
            "name": caller.name,
            "requests": requests,
            "last_seen": _time(last_s),
        }


def _deprecated(one: "Deprecated") -> _Described:
    return {
        "since": _time(one.since_s),
        "sunset": None if one.sunset_s is None else _time(one.sunset_s),
        "gone": one.is_gone(time.time()),
    }


def _time(unix_s: float) -> str:
    return rfc3339(int(unix_s * 1000))
