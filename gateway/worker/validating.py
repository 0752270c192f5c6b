"""A worker's documents of services, and the layer that holds requests against them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from discovery.health.book import HealthBook
from discovery.view.view import View
from gateway.front.answer_readers import read_beside
from gateway.front.client_limits import ClientLimits
from gateway.front.request_body import read_into
from gateway.hop.document_fetch import DocumentFetch
from gateway.upstream.dialing import Dialer
from middlewares.exchange import Exchange
from middlewares.routing.deciding import target_behind
from middlewares.telemetry.validation_metrics import ValidationCollector
from middlewares.validate.answers import MOST_BODY_BYTES
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.keeping import Keeper
from middlewares.validate.layer import Means, validate_middleware
from middlewares.validate.reporting import Reports
from middlewares.validate.shelf import Shelf

if TYPE_CHECKING:
    from gateway.config.compiled.compiling import Compiled


class Validating:
    """What holds requests against documents; nothing is fetched before a route asks for it."""

    def __init__(
        self,
        compiled: "Compiled",
        client_limits: ClientLimits,
        dialer: Dialer,
        view: Callable[[], View | None],
        health: HealthBook,
    ) -> None:
        self.counts = ValidationCounts()
        self.shelf = Shelf(view)
        self.keeper = Keeper(
            self.shelf,
            DocumentFetch(dialer),
            view,
            self.counts,
            lambda key: health.status(key) == "healthy",
        )
        self._client_limits = client_limits
        self._was_used = asyncio.Event()
        self.take(compiled)

    def take(self, compiled: "Compiled") -> None:
        """Go by a new file."""
        self.keeper.take(compiled.validated, compiled.validated_others)
        if compiled.validated or compiled.validated_others is not None:
            self._was_used.set()

    def middleware(self) -> Middleware:
        """The layer."""
        means = Means(
            shelf=self.shelf,
            counts=self.counts,
            reports=Reports(),
            read_body=self._read_body,
            read_answer=lambda answer, sink_of: read_beside(answer, sink_of, MOST_BODY_BYTES),
            target_of=_target_of,
        )
        return validate_middleware(means)

    async def run(self) -> None:
        """Keep the documents current, once a route wants some."""
        await self._was_used.wait()
        await self.keeper.run()

    def describe(self) -> list[Mapping[str, Any]]:
        """What `/status` says of the documents."""
        return self.shelf.describe(time.monotonic())

    def collector(self) -> ValidationCollector:
        """The metrics."""
        counts = self.counts
        return ValidationCollector(
            requests=lambda: counts.requests,
            answers=lambda: counts.answers,
            fetches=lambda: counts.fetches,
            ages_s=self._ages_s,
        )

    def _ages_s(self) -> Mapping[tuple[str, str], int]:
        now_s = time.monotonic()
        return {
            (service, version or ""): round(now_s - kept.seen_s)
            for (service, version), kept in self.shelf.kept.items()
            if kept.seen_s is not None
        }

    async def _read_body(self, request: web.Request, exchange: Exchange, most_bytes: int) -> None:
        route = exchange.route
        max_bytes = 0 if route is None else route.policy.body_bytes
        await read_into(
            exchange,
            request,
            self._client_limits,
            most_bytes,
            max_bytes=max_bytes,
            unannounced=True,
        )


def _target_of(exchange: Exchange) -> str:
    """The path and query that the service sees."""
    route = exchange.route
    if exchange.sent_target is not None or route is None:
        return exchange.sent_target or exchange.target
    return target_behind(route, exchange.hit, exchange.target)
