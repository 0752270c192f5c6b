"""Keeps the splits of a worker in step with those of all gateways, and goes on by their evidence."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from discovery.base.steps import ITEMS_OF_A_STEP, Steps, slices
from discovery.model.errors import RegistryUnavailable
from middlewares.split.deciding.plan import Change, State, decide
from middlewares.split.deciding.weights import percent_of
from middlewares.split.live import LiveSplit
from middlewares.split.policy import SplitPolicy
from middlewares.split.store import Asked, SplitStore

#: How often the registry is asked.
ASKED_EVERY_S: Final = 0.4
#: All splits are asked for so often, also if none has changed.
ALL_ASKED_EVERY_S: Final = 60.0
#: So many splits are asked for in one call.
MOST_PER_CALL: Final = 50
#: How often a change is tried that others are quicker than.
MOST_TRIES: Final = 10

#: By worker, the revisions of splits that it goes by, by their ids.
Notes = Mapping[str, Mapping[str, int]]

_log = structlog.get_logger()


class Keeper:
    """`live` is the splits by the id of their route; the splitter goes by them."""

    def __init__(
        self,
        store: SplitStore,
        live: dict[str, LiveSplit],
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        #: Whether the registry has answered the last time; None: it was not asked yet.
        self.is_current: bool | None = None
        self._store = store
        self._live = live
        self._clock_ms = clock_ms
        self._wanted = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []
        self._round_under_way = asyncio.Lock()
        #: What the registry gave for the last change when all were asked for, and when that was; None: not yet.
        self._mark: bytes | None = None
        self._all_asked_s = 0.0

    def taking(self, splits: Mapping[str, SplitPolicy]) -> Steps[None]:
        """Go by a new file; a split whose shares and steps are as before stays where it is."""
        made: dict[str, LiveSplit] = {}
        for some in slices(splits.items()):
            for route, policy in some:
                before = self._live.get(route)
                if before is not None and before.policy.print == policy.print:
                    before.take_policy(policy)
                    continue
                new = made[route] = LiveSplit(route, policy)
                if before is not None:
                    new.came_from = before.came_from or before.id
                    new.requests, new.moved = before.requests, before.moved
            yield
        # In one step, so that all requests go by the same file.
        over = [self._live.pop(one) for one in [*self._live] if one in made or one not in splits]
        self._live.update(made)
        self._wanted.set()
        while over:  # to free thousands takes time
            del over[-ITEMS_OF_A_STEP:]
            yield

    async def run(self) -> None:
        """Ask the registry until cancelled, while there is a split."""
        while True:
            if not self._live:
                self._wanted.clear()
                await self._wanted.wait()
            await self.round()
            self._wanted.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASKED_EVERY_S):
                    await self._wanted.wait()

    async def round(self) -> None:
        """Ask once, and go on by what is found."""
        async with self._round_under_way:
            splits = list(self._live.values())
            if not splits:
                return
            try:
                await self._ask_what_is_due(splits)
            except RegistryUnavailable as error:
                if self.is_current is not False:
                    _log.warning("split.registry_away", detail=str(error))
                self._mark = None
                self._go_on_alone(splits)
                return
            if self.is_current is False:
                _log.info("split.registry_back")
            self.is_current = True

    async def _ask_what_is_due(self, splits: Sequence[LiveSplit]) -> None:
        """Ask for the splits that have something to tell or to look at, and for all if a state has changed."""
        now_ms, now_s = self._clock_ms(), time.monotonic()
        due = [one for one in splits if one.is_due(now_ms)]
        mark = await self._ask(due[:MOST_PER_CALL], self._note())
        asked = set(due[:MOST_PER_CALL])
        is_all = mark != self._mark or now_s - self._all_asked_s >= ALL_ASKED_EVERY_S
        left = [one for one in (splits if is_all else due) if one not in asked]
        for begin in range(0, len(left), MOST_PER_CALL):
            await self._ask(left[begin : begin + MOST_PER_CALL], None)
        if is_all:
            # What was changed meanwhile has another mark.
            self._mark, self._all_asked_s = mark, now_s

    async def change(self, route: str, weights_of: Callable[[LiveSplit], Sequence[float]]) -> State:
        """Give a split other weights, on all gateways, made of those that it has then.

        Raises RegistryUnavailable, KeyError without such a split, and what `weights_of` raises.
        """
        async with self._round_under_way:
            live = self._live[route]
            for _ in range(MOST_TRIES):
                # What this worker knows may be older than what another gateway has just changed.
                await self._ask([live], None)
                weights = tuple(weights_of(live))
                state = State(weights, by="api")
                changed = await self._store.change(live.id, live.state.revision, state)
                if changed is None:  # the data was lost a moment ago
                    continue
                live.take_state(changed[0])
                if changed[1]:
                    self._wanted.set()  # to say that this worker goes by it
                    _log.info("split.changed", route=route, shares=shares_of(live), by="api")
                    return live.state
            raise RegistryUnavailable("others change the split, or its data is lost, all the time")

    async def notes(self) -> Notes:
        """What the workers of all gateways have said last. Raises RegistryUnavailable."""
        return await self._store.workers()

    async def close(self) -> None:
        """Let nobody wait for this worker."""
        if self.is_current:
            with contextlib.suppress(RegistryUnavailable):
                await self._store.leave()
        await self._store.close()

    def _note(self) -> dict[str, int]:
        """By which revisions this worker goes."""
        return {one.id: one.state.revision for one in self._live.values()}

    async def _ask(self, splits: Sequence[LiveSplit], note: Mapping[str, int] | None) -> bytes:
        now_ms = self._clock_ms()
        asked = [
            Asked(
                one.id,
                one.came_from,
                one.state if one.untold is None else one.untold,
                one.policy.plan.period_ms,
                one.looked_at,
                one.taken(now_ms),
            )
            for one in splits
        ]
        now_ms, mark, found = await self._store.sync(note, asked)
        for one, (state, gathered) in zip(splits, found, strict=True):
            one.came_from = ""
            told, one.untold = one.untold, None
            if told is not None and state.revision == told.revision:
                # Nobody has changed it since, so what was decided here holds for all.
                changed = await self._store.change(one.id, state.revision, one.state)
                one.take_state(state if changed is None else changed[0])
            elif one.fitting(state) != one.state:
                one.take_state(state)
            if gathered is not None:
                one.shared = gathered
            # Without it the worker's clock was ahead of the registry's, and the next period has some.
            if one.begins_period(now_ms) and gathered is not None:
                await self._go_on(one, now_ms)
        return mark

    async def _go_on(self, live: LiveSplit, now_ms: int) -> None:
        """Change a split where its evidence asks for it; of all workers one does it."""
        change = self._decided(live, now_ms, alone=False)
        if change is None:
            return
        changed = await self._store.change(live.id, live.state.revision, change.state)
        if changed is not None:
            state, is_ours = changed
            live.take_state(state)
            if is_ours:
                _tell(live, change)

    def _go_on_alone(self, splits: Sequence[LiveSplit]) -> None:
        """Without the registry: what this worker has seen may take shares away, but gives none."""
        self.is_current = False
        now_ms = self._clock_ms()
        for live in splits:
            live.taken(now_ms)
            if not live.begins_period(now_ms):
                continue
            change = self._decided(live, now_ms, alone=True)
            if change is None or change.event == "split.promoted":
                continue
            before = live.state
            live.take_state(replace(change.state, revision=before.revision, since_ms=now_ms))
            live.untold = live.untold or before
            _tell(live, change, alone=True)

    def _decided(self, live: LiveSplit, now_ms: int, *, alone: bool) -> Change | None:
        policy = live.policy
        return decide(live.state, live.gathered(alone=alone), policy.plan, policy.weights, now_ms)


def behind(live: LiveSplit, notes: Notes) -> list[str]:
    """The workers of all gateways that do not go by its present state yet."""
    id_, revision = live.id, live.state.revision
    return sorted(worker for worker, note in notes.items() if note.get(id_, revision) != revision)


def shares_of(live: LiveSplit) -> dict[str, float]:
    """The weights by the names of the shares."""
    return dict(zip(live.policy.names, live.state.weights, strict=True))


def _tell(live: LiveSplit, change: Change, *, alone: bool = False) -> None:
    """Log what was changed, with the evidence."""
    said: dict[str, Any] = {
        "route": live.route,
        "share": live.policy.names[live.policy.plan.canary],
        "percent": round(percent_of(live.state.weights, live.policy.plan.canary), 4),
        "shares": shares_of(live),
        **dict(change.state.evidence or {}),
    }
    if alone:
        said["registry"] = "away: this worker has decided alone"
    tell = _log.info if change.event == "split.promoted" else _log.warning
    tell(change.event, **said)
