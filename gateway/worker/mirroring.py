"""The mirrors of one worker, wired."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from aiohttp.typedefs import Middleware

from gateway.front.request_body import body_at_hand
from gateway.front.side_requests import send_aside
from middlewares.exchange import Exchange
from middlewares.header_section import HeaderSection
from middlewares.mirror.copying import Copying, Means
from middlewares.mirror.layer import mirror_middleware
from middlewares.mirror.policy import MirrorPolicy
from middlewares.routing.policy import Retries, RoutePolicy
from middlewares.routing.route import Route
from middlewares.telemetry.mirror_metrics import MirrorNumbers

#: A copy is sent once.
_ONE_TRY = Retries(attempts=1, on=frozenset())
#: The most mirrors whose routes are kept.
MOST_ROUTES = 10_000


class Mirroring:
    """The mirrors of one worker.

    `trusts` says whether a trusted proxy has sent these fields; `policy_for` gives the policy of a service.
    """

    def __init__(
        self,
        *,
        trusts: Callable[[str, HeaderSection], bool],
        policy_for: Callable[[str], RoutePolicy],
    ) -> None:
        self._policy_for = policy_for
        self._routes: dict[tuple[str, str], tuple[Route, MirrorPolicy, Route]] = {}
        self._copying = Copying(
            Means(
                sends=send_aside,
                route_of=self.route_of,
                trusts=trusts,
                body_of=body_at_hand,
                rng=random.Random(),
                now=time.monotonic,
                unix_s=time.time,
            )
        )

    def middleware(self) -> Middleware:
        """The layer."""
        return mirror_middleware(self._copying)

    def route_of(self, exchange: Exchange, mirror: MirrorPolicy) -> Route:
        """The route that the copy of a request takes."""
        route = exchange.route
        assert route is not None, "it has a mirror"
        key = (route.id, mirror.name)
        kept = self._routes.get(key)
        if kept is None or kept[0] is not route or kept[1] is not mirror:
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            kept = self._routes[key] = (route, mirror, self._made(route, mirror))
        return kept[2]

    def describe(self) -> Mapping[str, Any]:
        """What `/status` says of them; empty while nothing was copied."""
        reports = [report for _, report in self._copying.reports]
        if not reports:
            return {}
        return {
            "in_flight": self._copying.total,
            "copies": sum(report.copies.total() for report in reports),
            "answered": sum(report.copies["answered"] for report in reports),
            "same": sum(report.results["same"] for report in reports),
            "different": sum(report.results["different"] for report in reports),
        }

    def documents(self) -> list[Mapping[str, Any]]:
        """The reports, as `GET /mirrors` has them."""
        return [
            report.document(*key) for key, report in self._copying.reports if not report.is_empty()
        ]

    def told(self) -> list[Mapping[str, Any]]:
        """The reports for another worker, which joins them with its own."""
        return [report.told(*key) for key, report in self._copying.reports if not report.is_empty()]

    def forget(self) -> None:
        """Begin the reports anew."""
        self._copying.reports.begin_anew(time.time())

    def numbers(self) -> MirrorNumbers:
        """What the metrics say of them."""
        reports = [*self._copying.reports]
        seconds: dict[tuple[str, str, str], float] = {}
        for key, report in reports:
            seconds[*key, "original"] = report.original_s
            seconds[*key, "mirror"] = report.copy_s
        return MirrorNumbers(
            copies={(*key, name): n for key, one in reports for name, n in one.copies.items()},
            results={(*key, name): n for key, one in reports for name, n in one.results.items()},
            kinds={(*key, name): n for key, one in reports for name, n in one.kinds.items()},
            unread={(*key, name): n for key, one in reports for name, n in one.unread.items()},
            seconds=seconds,
            in_flight=dict(self._copying.in_flight),
        )

    async def close(self) -> None:
        """End the copies that are under way."""
        await self._copying.close()

    def _made(self, route: Route, mirror: MirrorPolicy) -> Route:
        """The route with another service, without what protects a service: copies change nothing for requests.

        No failure of theirs opens a breaker or ejects an instance, and they are not repeated.
        """
        policy = route.policy if mirror.service is None else self._policy_for(mirror.service)
        return replace(
            route,
            service=mirror.service or route.service,
            policy=RoutePolicy(
                timeouts=policy.timeouts,
                retries=_ONE_TRY,
                balance=policy.balance,
                takes_timeout=policy.takes_timeout,
            ),
        )
