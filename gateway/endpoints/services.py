"""GET /services and /services/{name}: what is registered."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from discovery.describing import Description, describe_health, describe_instance, describe_service
from discovery.prober import HealthBook
from discovery.view import Entry, View
from gateway.admin import AdminGuard
from gateway.endpoints.process import answer
from middlewares.failures import ServiceUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesEndpoints:
    """Answered from the view; `heartbeats` gives when each instance last sent one, by key, Unix ms."""

    view: Callable[[], View]
    heartbeats: Callable[[], Awaitable[dict[str, int]]]
    stale_for_s: Callable[[], float | None]
    health: HealthBook
    guard: AdminGuard

    async def list_all(self, request: web.Request) -> web.Response:
        """All registered services; while the registry is away the last view, marked as stale."""
        names = sorted(name for name in self.view().services if self.view().is_registered(name))
        services = await self._describe(request, names)
        document: dict[str, Any] = {"count": len(services), "services": services}
        return answer(self._marked(document))

    async def show(self, request: web.Request) -> web.Response:
        """One service; ServiceUnknown when nothing of it is registered.

        With the token also what this gateway's probes and requests have seen of each instance.
        """
        name = request.match_info["name"]
        if not self.view().is_registered(name):
            raise ServiceUnknown(f"no service {name} is registered")
        (service,) = await self._describe(request, [name])
        if self.guard.admits(request):
            for instance in service["instances"]:
                key = f"{name}/{instance['id']}"
                instance["health"] = describe_health(
                    self.health.health(key), self.health.history(key)
                )
        return answer(self._marked(service))

    async def _describe(self, request: web.Request, names: list[str]) -> list[Description]:
        heartbeats = await self.heartbeats()
        view = self.view()
        everything = self.guard.admits(request)
        services = []
        for name in names:
            entries = sorted(view.registered(name), key=lambda entry: entry.key)
            instances = [describe_entry(entry, heartbeats) for entry in entries]
            if not everything:
                for instance in instances:
                    del instance["metadata"]
            if instances:
                services.append(describe_service(name, instances))
        return services

    def _marked(self, document: dict[str, Any]) -> dict[str, Any]:
        stale_for_s = self.stale_for_s()
        if stale_for_s is not None:
            document |= {"stale": True, "age_s": round(stale_for_s, 3)}
        return document


def describe_entry(entry: Entry, heartbeats: dict[str, int]) -> Description:
    """An entry of the view in the shape of the contract."""
    status = "draining" if entry.draining else entry.status
    heartbeat_ms = max(entry.registered_at_ms, heartbeats.get(entry.key, 0))
    return describe_instance(entry.instance, status, entry.registered_at_ms, heartbeat_ms)


class Heartbeats:
    """When instances last sent a heartbeat; asked of the registry at most once in `fresh_for_s`."""

    def __init__(
        self, ask: Callable[[], Awaitable[dict[str, int]]], fresh_for_s: float = 0.5
    ) -> None:
        self._ask = ask
        self._fresh_for_s = fresh_for_s
        self._asked_s = float("-inf")
        self._last: dict[str, int] = {}

    async def __call__(self) -> dict[str, int]:
        if time.monotonic() - self._asked_s >= self._fresh_for_s:
            self._asked_s = time.monotonic()
            self._last = await self._ask() or self._last
        return self._last
