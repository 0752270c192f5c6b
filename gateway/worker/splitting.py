"""The splits of a worker: its layer, what keeps them in step, and what is said of them."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from discovery.base.steps import Steps
from discovery.client.describing import rfc3339
from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from middlewares.candidates.lookup import Lookup
from middlewares.exchange import Exchange
from middlewares.proxied_answers import proxied
from middlewares.split.deciding.plan import judged, next_step, waits_for
from middlewares.split.deciding.weights import changed, percent_of
from middlewares.split.keeper import Keeper, Notes, behind, shares_of
from middlewares.split.layer import split_middleware
from middlewares.split.live import LiveSplit
from middlewares.split.splitter import Splitter
from middlewares.split.store import SplitStore
from middlewares.telemetry.split_metrics import SplitNumbers

if TYPE_CHECKING:
    from gateway.config.compiled.compiling import Compiled


class Splitting:
    """The splits by the file in force."""

    def __init__(
        self,
        compiled: "Compiled",
        *,
        registry: RegistrySettings,
        worker: str,
        lookup: Lookup,
        client_key: Callable[[str], str],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.splitter = Splitter(lookup, client_key)
        self.keeper = Keeper(SplitStore(registry, worker), self.splitter.live, clock_ms=now_ms)
        self._now_ms = now_ms
        for _ in self.taking(compiled):
            pass

    def taking(self, compiled: "Compiled") -> Steps[None]:
        """Go by a new file."""
        yield from self.keeper.taking(compiled.splits)

    def middleware(self) -> Middleware:
        """The layer."""
        return split_middleware(
            splitter=self.splitter, is_instances=lambda answer: proxied(answer) is not None
        )

    def decide(self, request: web.Request, exchange: Exchange) -> None:
        """Choose the share of a request, for what has to know it before the layer is asked."""
        self.splitter.decide(request, exchange)

    async def prepared(self) -> None:
        """Wait until the registry has said where splits stand, or does not answer."""
        if self.splitter.live:
            await self.keeper.round()

    async def change(self, route: str, told: Mapping[str, float]) -> None:
        """Give some shares of a route's split other weights, on all gateways.

        Raises KeyError, ValueError and RegistryUnavailable.
        """

        def weights_of(live: LiveSplit) -> Sequence[float]:
            if not told.keys() <= set(live.policy.names):
                raise KeyError(route)  # a reload has given it other shares meanwhile
            usual = dict(zip(live.policy.names, live.policy.weights, strict=True))
            weights = changed(shares_of(live), usual, told)
            return [weights[name] for name in live.policy.names]

        await self.keeper.change(route, weights_of)

    def names(self, route: str) -> tuple[str, ...]:
        """The names of the shares of a route's split. Raises KeyError."""
        return self.splitter.live[route].policy.names

    def describe(self) -> Mapping[str, Any]:
        """What `/status` says of them; empty while no route has one."""
        return {route: self._brief(live) for route, live in self.splitter.live.items()}

    async def notes(self) -> Notes | None:
        """By which revisions the workers of all gateways go; None: the registry is away, so nobody knows."""
        try:
            return await self.keeper.notes()
        except RegistryUnavailable:
            return None

    def documents(self, notes: Notes | None) -> Steps[list[dict[str, Any]]]:
        """What `GET /splits` says of them."""
        made = []
        for route in sorted(self.splitter.live):
            live = self.splitter.live.get(route)
            if live is not None:  # a reload may take it away meanwhile
                made.append(self._document(live, notes))
                yield
        return made

    def document(self, route: str, notes: Notes | None) -> dict[str, Any]:
        """The same of one route's. Raises KeyError."""
        return self._document(self.splitter.live[route], notes)

    def numbers(self) -> Iterable[SplitNumbers]:
        """What the metrics say of them."""
        for route, live in self.splitter.live.items():
            weights, total = shares_of(live), sum(live.state.weights)
            for name in live.policy.names:
                yield SplitNumbers(
                    route, name, live.requests[name], live.moved[name], weights[name] / total
                )

    def _brief(self, live: LiveSplit) -> dict[str, Any]:
        state = live.state
        said = {
            "shares": shares_of(live),
            "status": state.status,
            "changed_by": state.by,
            "since": rfc3339(state.since_ms) if state.since_ms else None,
            "registry": "current" if self.keeper.is_current else "away",
        }
        return said | ({"evidence": state.evidence} if state.evidence is not None else {})

    def _document(self, live: LiveSplit, notes: Notes | None) -> dict[str, Any]:
        policy, plan, state = live.policy, live.policy.plan, live.state
        brief = self._brief(live)
        document: dict[str, Any] = {
            "route": live.route,
            "shares": brief.pop("shares"),
            "percent": {
                name: round(percent_of(state.weights, index), 4)
                for index, name in enumerate(policy.names)
            },
            "file": dict(zip(policy.names, policy.weights, strict=True)),
            **brief,
            "revision": state.revision,
        }
        if plan.is_watched:
            gathered = live.gathered(alone=not self.keeper.is_current)
            judgement, step = judged(gathered, self._now_ms(), plan), next_step(state, plan)
            document["canary"] = policy.names[plan.canary]
            document["next_step"] = step
            document["waits_for"] = (
                None
                if step is None
                else waits_for(state, gathered, plan, judgement, self._now_ms()) or None
            )
            document["window"] = judgement.describe()
        document["behind"] = None if notes is None else behind(live, notes)
        return document

    async def run(self) -> None:
        """Follow what all gateways have, while there is a split."""
        await self.keeper.run()

    async def close(self) -> None:
        await self.keeper.close()
