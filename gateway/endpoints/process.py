"""/health, /ready, /status and /metrics: what the gateway says of itself."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from discovery.client.describing import rfc3339
from discovery.health.mass_loss import Loss
from discovery.model.settings import without_password
from gateway.config.settings import GatewaySettings
from gateway.endpoints.pooling.asking import Asking
from gateway.guard.admin import AdminGuard
from gateway.machine.descriptors import Descriptors
from gateway.siblings.siblings import Member, Siblings
from gateway.version import VERSION
from gateway.worker.configuration.reloading import Configuration
from gateway.worker.lifecycle import Lifecycle
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import NoView
from middlewares.problems import PROBLEMS, Problem, problem_document
from middlewares.telemetry.metrics import GatewayMetrics

if TYPE_CHECKING:  # a gateway of one process loads nothing of this
    from gateway.siblings.summing.scraping import GatewayScrapes

NAME = "api_gateway"
STATUS = "status"
#: A worker that does not answer by then is listed without numbers.
STATUS_WITHIN_S = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEndpoints:
    """The handlers; values that change come in as callables."""

    settings: GatewaySettings
    lifecycle: Lifecycle
    metrics: GatewayMetrics
    instance_counts: Callable[[], Mapping[str, Mapping[str, int]]]
    registry_state: Callable[[], Mapping[str, Any]]
    mass_losses: Callable[[], Mapping[str, Loss]]
    limiter_state: Callable[[], Mapping[str, Any]]
    untrusted_proxies: Callable[[], list[str]]
    url: Callable[[], str]
    descriptors: Descriptors
    routes: Callable[[], bool]
    configuration: Configuration[Any] | None
    guard: AdminGuard
    siblings: Siblings
    asking: Asking
    #: By service who is out and the breaker's state; None without a file.
    watched: Callable[[], Mapping[str, Any]] | None = None
    #: What the ways of authentication say of themselves, by name; None without a file.
    ways: Callable[[], Mapping[str, Any]] | None = None
    #: TLS at the front; None: it can't be.
    tls: Callable[[], Mapping[str, Any]] | None = None
    #: The certificates that the gateway gets by itself, without or with what the authority said; None:
    #: it can't get any.
    own_certificates: Callable[[bool], Mapping[str, Any]] | None = None

    #: What the cache says of itself, empty while no route has one; None: there is no file.
    cache: Callable[[], Mapping[str, Any]] | None = None
    #: By route the shares of its split, empty while no route has one; None: there is no file.
    splits: Callable[[], Mapping[str, Any]] | None = None
    #: The OpenAPI documents that requests are held against; None: there is no file.
    documents: Callable[[], list[Mapping[str, Any]]] | None = None
    #: Adds up the metrics of all workers; None: there is one.
    scrapes: "GatewayScrapes | None" = None
    #: What the mirrors say of themselves, empty while nothing was copied; None: there is no file.
    mirrors: Callable[[], Mapping[str, Any]] | None = None

    async def health(self, request: web.Request) -> web.Response:
        """Say that the process lives; it depends on nothing else."""
        own = self.lifecycle.asks_itself_from
        if own is not None and _client(request) == own:
            request[EXCHANGE].is_logged = False
        return answer({"status": "healthy", "service": NAME})

    async def ready(self, request: web.Request) -> web.Response:
        """200 when requests can be routed, else 503 with the reasons."""
        reasons = list(self.lifecycle.reasons)
        if not self.routes():
            reasons.append(PROBLEMS[NoView].reason)
        if reasons:
            return _not_ready(request[EXCHANGE], reasons)
        return answer({"status": "ready", "service": NAME})

    async def status(self, request: web.Request) -> web.Response:
        """The state of the gateway, for people and scripts; `pooling.deciding.status` says how it is made.

        Pids, addresses of the registry and of clients, the ways of authentication, and the OpenAPI documents
        of services are shown only with the token.
        """
        is_inside = self.guard.admits(request)
        own = self._document(is_inside=is_inside)
        siblings = self.siblings
        if siblings.alone:
            return answer(own)
        from gateway.endpoints.pooling.deciding.status import status_of

        others = await self.asking.ask(STATUS, is_inside, within_s=STATUS_WITHIN_S)
        documents = {siblings.id: own, **others}
        return answer(status_of(documents, self._members(is_inside=is_inside)))

    def listen(self) -> None:
        """Let siblings have the state of this worker."""
        self.asking.answers(STATUS, self._told)

    async def _told(self, is_inside: Any) -> Mapping[str, Any]:
        return self._document(is_inside=bool(is_inside))

    def _members(self, *, is_inside: bool) -> dict[str, Mapping[str, Any]]:
        """All workers, as they are listed if they do not answer."""
        return {
            member.id: {
                **({"pid": member.pid} if is_inside else {}),
                "slot": member.slot,
                "state": member.state,
                "ready": False,
                "started_at": rfc3339(round(member.started_at_s * 1000)),
                "ended_before": _ended_before(member),
                "version": None,
                "view_age_s": None,
                "in_flight": None,
                "connections": None,
            }
            for member in self.siblings.members
        }

    def _worker(self, *, is_inside: bool) -> Mapping[str, Any]:
        """This worker among all workers."""
        members = self._members(is_inside=is_inside)
        listed = members.get(self.siblings.id, {})
        return {
            **listed,
            "ready": self._is_ready,
            "version": VERSION,
            "view_age_s": self.registry_state()["view_age_s"],
            "in_flight": sum(self.metrics.in_flight.values()),
            "connections": sum(self.metrics.client_connections().values()),
        }

    @property
    def _is_ready(self) -> bool:
        return self.routes() and not self.lifecycle.reasons

    def _document(self, *, is_inside: bool) -> Mapping[str, Any]:
        """What this worker says."""
        now_s = time.time()
        settings, siblings = self.settings, self.siblings
        uptime_s = self.lifecycle.uptime_s if siblings.alone else now_s - siblings.began_at_s
        worker: dict[str, Any] = {"workers": settings.gateway_workers}
        registry = {"namespace": settings.registry.namespace, **self.registry_state()}
        inside: dict[str, Any] = {}
        if is_inside:
            worker["pid"] = self.lifecycle.pid
            registry["url"] = without_password(settings.registry.redis_url)
            if settings.gateway_url or settings.admin_listen:  # else it may be this address
                inside["url"] = self.url()
            inside["untrusted_proxies"] = self.untrusted_proxies()
            if self.ways is not None:
                inside["auth"] = self.ways()
            if self.documents is not None and (documents := self.documents()):
                inside["documents"] = documents
        return {
            "service": NAME,
            "version": VERSION,
            "uptime_s": round(uptime_s, 3),
            "started_at": rfc3339(round((now_s - uptime_s) * 1000)),
            "worker": worker,
            "workers": [self._worker(is_inside=is_inside)],
            "ready": self._is_ready,
            "registry": registry,
            "services": self.instance_counts(),
            "mass_losses": {
                name: {"lost": loss.lost, "total": loss.total}
                for name, loss in self.mass_losses().items()
            },
            "descriptors": {
                "open": self.descriptors.open_now(),
                "max": self.descriptors.most,
                "clients_refused": self.descriptors.refused,
            },
            "limits": {
                "requests": settings.rate_limit_requests,
                "window_s": settings.rate_limit_window,
                "max_body_bytes": settings.max_body_bytes,
                "connect_timeout_s": settings.upstream_connect_timeout,
                "upstream_timeout_s": settings.upstream_timeout,
                **self.limiter_state(),
            },
            **self._file(),
            **self._tls(with_evidence=bool(inside)),
            **inside,
        }

    def _file(self) -> Mapping[str, Any]:
        """The state of the configuration file, and of what it has watched; empty without one."""
        file = self.configuration
        if file is None:
            return {}
        loaded_at = rfc3339(round(file.loaded_at_s * 1000))
        mistakes = list(file.mistakes)
        config = {"loaded_at": loaded_at, "current": not mistakes, "mistakes": mistakes}
        cache = self.cache() if self.cache else {}
        splits = self.splits() if self.splits else {}
        mirrors = self.mirrors() if self.mirrors else {}
        return {
            "config": config,
            "watched": self.watched() if self.watched else {},
            **({"cache": cache} if cache else {}),
            **({"splits": splits} if splits else {}),
            **({"mirrors": mirrors} if mirrors else {}),
        }

    def _tls(self, *, with_evidence: bool) -> Mapping[str, Any]:
        """TLS at the front; empty where the port speaks none."""
        said = self.tls() if self.tls is not None else {}
        own = self.own_certificates(with_evidence) if self.own_certificates is not None else {}
        return {**({"tls": said} if said else {}), **({"acme": own} if own else {})}

    async def metrics_text(self, request: web.Request) -> web.Response:
        """Metrics of all workers in Prometheus' text format, or OpenMetrics where the client asks for it."""
        encode, content_type = _encoder(request.headers.get("Accept", ""))
        if self.scrapes is None:
            text = encode(self.metrics.registry)
        else:
            text = await self.scrapes.text(encode)
        response = web.Response(body=text)
        response.headers["Content-Type"] = content_type
        return response


def _client(request: web.Request) -> Any:
    """Host and port of who is connected, whatever the fields of the request say."""
    name = request.protocol.peername
    return name[:2] if isinstance(name, tuple) else None


def _ended_before(member: Member) -> Mapping[str, Any] | None:
    """The last worker in the slot of this one that has ended by itself; None: none has."""
    told = member.ended_before
    if told is None:
        return None
    at = rfc3339(round(told["at_s"] * 1000))
    return {"at": at, "why": told["why"], "in_a_row": told["in_a_row"]}


def _not_ready(exchange: Exchange, reasons: list[str]) -> web.Response:
    """A problem document for the first reason; it lists all of them."""
    exchange.reason = reasons[0]
    detail = f"no requests should be sent here now: {', '.join(reasons)}"
    document = problem_document(Problem(503, reasons[0]), detail, exchange.correlation_id)
    return web.Response(
        status=503,
        body=orjson.dumps(document | {"reasons": reasons}),
        content_type="application/problem+json",
        headers={"Retry-After": str(NoView.retry_after_s)},
    )


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The encoder of metrics and its media type; plain text where `accept` is not valid.

    The type repeats the version that the client asked for; versions compare as numbers.
    """
    try:
        return choose_encoder(accept if accept.isascii() else "")
    except (TypeError, ValueError):
        return choose_encoder("")


def answer(document: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")
