"""GET /services and /services/{name}: what is registered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps, slices
from discovery.client.describing import Description, describe_health, describe_service
from discovery.health.book import HealthBook
from discovery.model.instance import Instance
from discovery.view.view import Entry, View
from gateway.endpoints.process import answer
from gateway.endpoints.public_services import PublicServices, StatusOf, describe_entry, shown_status
from gateway.endpoints.shared_documents import JSON, SharedDocuments
from gateway.front.document import Document
from gateway.guard.admin import AdminGuard
from gateway.upstream.client import UpstreamClient
from middlewares.failures import InstanceUnknown, NoView, ServiceUnknown
from middlewares.routing.routing import Routing

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.hop.watched_services import WatchedServices


class Heartbeats:
    """When instances last sent a heartbeat; `ask` reads these from the registry.

    It asks at most once in `fresh_for_s` for each service, and once for all services together.
    Requests that arrive meanwhile wait for that answer. While the registry is away, the last answer
    stays in use. Answers that nobody asks for are dropped after `kept_for_s`.
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
        #: When it was asked (monotonic s) and the answer to come, by service; '' means all services.
        self._asked: dict[str, tuple[float, asyncio.Task[dict[str, int]]]] = {}

    async def __call__(self, service: str, instances: Sequence[Instance]) -> dict[str, int]:
        """Unix ms by key, for the instances of a service; '' means those of all services."""
        now_s = time.monotonic()
        asked_s, asking = self._asked.get(service, (float("-inf"), None))
        if asking is None or now_s - asked_s >= self._fresh_for_s:
            asking = asyncio.create_task(self._ask_anew(instances, asking))
            self._asked.pop(service, None)  # so that the dictionary stays in order of time
            self._asked[service] = (now_s, asking)
            self._forget(now_s)
        return await asyncio.shield(asking)  # the request that began it may end; others wait for it

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


class ServicesEndpoints:
    """Answers from the view and this gateway's verdicts; only heartbeats are read from the registry.

    The public's documents are made once for all concurrent requests, however many or slow they are.
    """

    def __init__(
        self,
        *,
        view: Callable[[], View],
        heartbeats: Heartbeats,
        stale_for_s: Callable[[], float | None],
        health: HealthBook,
        routing: Routing,
        guard: AdminGuard,
        upstreams: UpstreamClient,
        watched: "WatchedServices | None",
        send_timeout_s: float,
    ) -> None:
        self._upstreams = upstreams
        self._view = view
        self._heartbeats = heartbeats
        self._stale_for_s = stale_for_s
        self._health = health
        self._routing = routing
        self._guard = guard
        self._watched = watched
        self._send_timeout_s = send_timeout_s
        self._public = PublicServices(health.status)
        self._documents = SharedDocuments(
            view, self._make, lambda: health.revision + routing.revision
        )

    async def list_all(self, request: web.Request) -> web.StreamResponse:
        """All registered services; while the registry is away, the last view, marked as stale."""
        if not self._guard.admits(request):
            return self._document(await self._documents.get(""))
        services = await self._describe("")
        return answer({"count": len(services), "services": services} | self._mark())

    async def show(self, request: web.Request) -> web.StreamResponse:
        """One service; ServiceUnknown when nothing of it is registered.

        With the token also what this gateway's probes and requests have seen of each instance.
        `?instance=ID` gives that instance alone: the program that keeps it registered asks often, and
        must not be sent a thousand others.
        """
        name = request.match_info["name"]
        unknown = ServiceUnknown(f"no service {name} is registered")
        view = self._view()
        if not view.is_registered(name):
            raise NoView if view.partial else unknown
        if not self._guard.admits(request):
            document = await self._documents.get(name)
            if not document:
                raise unknown
            return self._document(document)
        instance_id = request.query.get("instance", "")
        services = await self._describe(name, instance_id)
        if not services:
            raise InstanceUnknown(f"no instance {instance_id} of {name} is registered")
        (service,) = services
        for instance in service["instances"]:
            key = f"{name}/{instance['id']}"
            instance["health"] = describe_health(
                self._health.health(key), self._health.history(key)
            )
            instance["load"] = self._load(key)
        return answer(service | self._mark())

    def _load(self, key: str) -> Description:
        """What balancing goes by: this gateway's requests in flight there, and how long answers take."""
        latency = self._upstreams.latency(key)
        known = latency is not None and latency.value_s > 0
        return {
            "in_flight": self._upstreams.in_flight(key),
            "latency_ms": round(latency.value_s * 1000, 1) if latency and known else None,
            "slowness": round(latency.slowness, 1) if latency else 1.0,
        }

    async def _make(self, name: str, view: View) -> bytes:
        """The public's document of a service, empty if there is none; '' means all services."""
        names = _names(view, name)
        entries = [entry for one in names for entry in view.registered(one)]
        heartbeats = await self._last_heartbeats(name, entries)
        services = await in_steps(
            self._public.of(view, names, heartbeats, self._routing.table.prefix)
        )
        if name:
            return orjson.dumps(services[0]) if services else b""
        return orjson.dumps({"count": len(services), "services": services})

    def _document(self, document: bytes) -> Document:
        parts = [memoryview(document)]
        if mark := self._mark():
            parts = [parts[0][:-1], memoryview(b"," + orjson.dumps(mark)[1:])]
        return Document(parts, headers=JSON, send_timeout_s=self._send_timeout_s)

    async def _describe(self, name: str, instance_id: str = "") -> list[Description]:
        """A service of the present view, or all ('') of them, with everything that the token shows."""
        view = self._view()
        entries = [
            entry
            for one in _names(view, name)
            for entry in sorted(view.registered(one), key=lambda entry: entry.key)
            if instance_id in ("", entry.instance.id)
        ]
        if not entries:
            return []
        heartbeats = await self._last_heartbeats(entries[0].key if instance_id else name, entries)
        prefix = self._routing.table.prefix
        described = await in_steps(_describing(entries, self._health.status, heartbeats, prefix))
        for service in described:
            self._add_watched(service)
        return described

    def _add_watched(self, service: Description) -> None:
        """Add who is out for what it answers, and the breaker."""
        watched = None if self._watched is None else self._watched.get(service["name"])
        if watched is None:
            return
        if watched.breaker is not None:
            service["breaker"] = watched.describe_circuit()
        for instance in service["instances"]:
            ejected = watched.describe(f"{service['name']}/{instance['id']}")
            if ejected is not None:
                instance["ejected"] = ejected

    async def _last_heartbeats(self, asked: str, entries: Sequence[Entry]) -> Mapping[str, int]:
        """By key; an instance of the file sends none."""
        beating = [entry.instance for entry in entries if entry.source == "registry"]
        return await self._heartbeats(asked, beating) if beating else {}

    def _mark(self) -> dict[str, Any]:
        """The members that say that the registry is away."""
        stale_for_s = self._stale_for_s()
        return {} if stale_for_s is None else {"stale": True, "age_s": round(stale_for_s, 3)}


def _names(view: View, name: str) -> list[str]:
    return [name] if name else sorted(view.services)


def _describing(
    entries: list[Entry],
    status_of: StatusOf,
    heartbeats_ms: Mapping[str, int],
    prefix: str | None,
) -> Steps[list[Description]]:
    """Describe services; `entries` are in their order."""
    described: dict[str, list[Description]] = {}
    for some in slices(entries):
        for entry in some:
            instance = describe_entry(entry, shown_status(entry, status_of), heartbeats_ms)
            described.setdefault(entry.instance.name, []).append(instance)
        yield
    return [describe_service(name, instances, prefix) for name, instances in described.items()]
