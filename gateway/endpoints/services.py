"""GET /services and /services/{name}: what is registered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from discovery.describing import Description, describe_health, describe_instance, describe_service
from discovery.instance import Instance
from discovery.prober import HealthBook
from discovery.slicing import Steps, slices
from discovery.tasks import in_steps
from discovery.view import Entry, View
from gateway.admin import AdminGuard
from gateway.endpoints.process import answer
from middlewares.failures import ServiceUnknown


class Heartbeats:
    """When instances last sent a heartbeat; `ask` asks the registry for these of them.

    It is asked at most once in `fresh_for_s` for each service, and once for all of them together:
    who comes while it is asked waits for that answer. While it is away the last answer stands. What
    nobody asks for is forgotten after `kept_for_s`.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Instance]], Awaitable[dict[str, int]]],
        fresh_for_s: float = 0.5,
        kept_for_s: float = 60.0,
    ) -> None:
        self._ask = ask
        self._kept_for_s = kept_for_s
        self._fresh_for_s = fresh_for_s
        #: When it was asked (monotonic s), and what comes of it, by service; '' is all of them.
        self._asked: dict[str, tuple[float, asyncio.Task[dict[str, int]]]] = {}

    async def __call__(self, service: str, instances: Sequence[Instance]) -> dict[str, int]:
        """By key, Unix ms, of the instances of a service; '' for those of all services."""
        now_s = time.monotonic()
        asked_s, asking = self._asked.get(service, (float("-inf"), None))
        if asking is None or now_s - asked_s >= self._fresh_for_s:
            asking = asyncio.create_task(self._ask_anew(instances, asking))
            self._asked.pop(service, None)  # so that the order is that of time
            self._asked[service] = (now_s, asking)
            self._forget(now_s)
        return await asyncio.shield(asking)  # whoever began may leave: others wait for it

    async def _ask_anew(
        self, instances: Sequence[Instance], before: "asyncio.Task[dict[str, int]] | None"
    ) -> dict[str, int]:
        return await self._ask(instances) or (await before if before is not None else {})

    def _forget(self, now_s: float) -> None:
        while self._asked:
            service, (asked_s, _) = next(iter(self._asked.items()))
            if now_s - asked_s < self._kept_for_s:
                return
            del self._asked[service]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesEndpoints:
    """Answered from the view; only the heartbeats are asked of the registry."""

    view: Callable[[], View]
    heartbeats: Heartbeats
    stale_for_s: Callable[[], float | None]
    health: HealthBook
    guard: AdminGuard

    async def list_all(self, request: web.Request) -> web.Response:
        """All registered services; while the registry is away the last view, marked as stale."""
        services = await self._describe(request, None)
        document: dict[str, Any] = {"count": len(services), "services": services}
        return answer(self._marked(document))

    async def show(self, request: web.Request) -> web.Response:
        """One service; ServiceUnknown when nothing of it is registered.

        With the token also what this gateway's probes and requests have seen of each instance.
        """
        name = request.match_info["name"]
        services = await self._describe(request, name)
        if not services:
            raise ServiceUnknown(f"no service {name} is registered")
        (service,) = services
        if self.guard.admits(request):
            for instance in service["instances"]:
                key = f"{name}/{instance['id']}"
                instance["health"] = describe_health(
                    self.health.health(key), self.health.history(key)
                )
        return answer(self._marked(service))

    async def _describe(self, request: web.Request, name: str | None) -> list[Description]:
        """The services of the present view, by name: this one alone, or all of them (None)."""
        view = self.view()
        names = sorted(view.services) if name is None else [name]
        entries = [e for one in names for e in sorted(view.registered(one), key=lambda e: e.key)]
        if not entries:
            return []
        heartbeats = await self.heartbeats(name or "", [entry.instance for entry in entries])
        return await in_steps(_describing(entries, heartbeats, self.guard.admits(request)))

    def _marked(self, document: dict[str, Any]) -> dict[str, Any]:
        stale_for_s = self.stale_for_s()
        if stale_for_s is not None:
            document |= {"stale": True, "age_s": round(stale_for_s, 3)}
        return document


def _describing(
    entries: list[Entry], heartbeats: dict[str, int], everything: bool
) -> Steps[list[Description]]:
    """Services of entries that are in their order; `everything`: what only the token shows, too."""
    described: dict[str, list[Description]] = {}
    for some in slices(entries):
        for entry in some:
            instance = describe_entry(entry, heartbeats)
            if not everything:
                redact(instance)
            described.setdefault(entry.instance.name, []).append(instance)
        yield
    return [describe_service(name, instances) for name, instances in described.items()]


def redact(instance: Description) -> None:
    """Take out what only the admin token shows: it may hold secrets of the service."""
    del instance["metadata"]
    url = instance["health_check_url"]
    if url is not None:
        instance["health_check_url"] = url.partition("?")[0]


def describe_entry(entry: Entry, heartbeats: dict[str, int]) -> Description:
    """An entry of the view in the shape of the contract."""
    status = "draining" if entry.draining else entry.status
    heartbeat_ms = max(entry.registered_at_ms, heartbeats.get(entry.key, 0))
    return describe_instance(entry.instance, status, entry.registered_at_ms, heartbeat_ms)
