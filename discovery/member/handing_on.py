"""What a worker that starts gets from a sibling: the health of the instances, and the view without the registry."""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..base.logs import Log
from ..base.stepping import in_steps
from ..base.steps import Steps, gathered
from ..health.machine import Health
from ..health.prober import Prober
from ..health.siblings import READY, Siblings
from ..view.saved_view import Saved, ViewLines, of_lines
from ..view.watcher import Watcher

HEALTHS = "member.healths"
VIEW = "member.view"

#: So many items come in one answer, which keeps every step of it short.
PAGE = 500
#: A sibling that takes longer for a page hangs; then another one is asked.
PAGE_WITHIN_S = 0.5
#: So many are handed on at the same time; the oldest goes first.
MOST_AT_ONCE = 8

#: Raised by what a sibling of another release says in another form.
_NOT_UNDERSTOOD = (LookupError, TypeError, ValueError)

_log = Log()


class Pages:
    """Hands out lists in pages: all pages that one sibling gets are of the same list."""

    def __init__(self) -> None:
        self._lists: dict[str, Sequence[Any]] = {}

    async def page(self, asked: Any, make: Callable[[], Steps[Sequence[Any]]]) -> dict[str, Any]:
        """The page that begins at `asked["at"]`; the first one makes the list."""
        token, at = asked["token"], asked["at"]
        if at == 0:
            made = await in_steps(make())
            while len(self._lists) >= MOST_AT_ONCE:
                del self._lists[next(iter(self._lists))]
            self._lists[token] = made
        items = self._lists.get(token)
        if items is None:
            return {"items": None}
        after = at + PAGE
        if after >= len(items):
            del self._lists[token]
        return {"items": items[at:after], "next": after if after < len(items) else None}


class HandingOn:
    """Answers siblings that start, and asks them when this worker starts."""

    def __init__(self, siblings: Siblings, prober: Prober, watcher: Callable[[], Watcher]) -> None:
        self._siblings = siblings
        self._prober = prober
        self._watcher = watcher
        self._pages = Pages()
        siblings.answers(HEALTHS, self._healths)
        siblings.answers(VIEW, self._view)

    async def take_healths(self) -> None:
        """Begin with what a sibling makes of the instances."""
        try:
            for key, probed_as, *health in await self._all_of(HEALTHS) or ():
                self._prober.health_heard(key, probed_as, health_of(health))
        except _NOT_UNDERSTOOD as error:
            _say_not_understood(HEALTHS, error)

    async def take_view(self) -> Saved | None:
        """The view of a sibling; None: none has one."""
        try:
            items = await self._all_of(VIEW)
            if not items:
                return None
            current_at_s, *lines = items
            return of_lines(lines, max(0.0, time.time() - current_at_s), "a sibling")
        except _NOT_UNDERSTOOD as error:
            _say_not_understood(VIEW, error)
            return None

    async def _all_of(self, topic: str) -> list[Any] | None:
        for sibling in self._siblings.members:
            if sibling.state == READY and sibling.id != self._siblings.id:
                items = await self._asked(sibling.id, topic)
                if items is not None:
                    return items
        return None

    async def _asked(self, sibling: str, topic: str) -> list[Any] | None:
        token, items = secrets.token_hex(8), []
        at: int | None = 0
        while at is not None:
            asked = {"token": token, "at": at}
            said = await self._siblings.ask_one(sibling, topic, asked, PAGE_WITHIN_S)
            if said is None or said["items"] is None:
                return None
            items += said["items"]
            at = said["next"]
        return items

    async def _healths(self, asked: Any) -> Any:
        return await self._pages.page(asked, self._health_rows)

    async def _view(self, asked: Any) -> Any:
        watcher = self._watcher()
        if not watcher.has_view:
            return None
        return await self._pages.page(asked, self._view_rows)

    def _health_rows(self) -> Steps[Sequence[Any]]:
        return gathered(
            (key, probed_as, *told(health)) for key, probed_as, health in self._prober.healths()
        )

    def _view_rows(self) -> Steps[Sequence[Any]]:
        watcher = self._watcher()
        current_at_s = time.time() - watcher.age_s
        lines = yield from ViewLines().of(watcher.view)
        return [current_at_s, *lines]


def _say_not_understood(topic: str, error: Exception) -> None:
    _log.warning("sibling.not_understood", topic=topic, detail=f"{type(error).__name__}: {error}")


def told(health: Health) -> tuple[Any, ...]:
    return (
        health.status,
        health.run,
        health.evidence,
        health.probation,
        health.suspected,
        health.latest,
    )


def health_of(told: Sequence[Any]) -> Health:
    status, run, evidence, probation, suspected, latest = told
    return Health(status, run, evidence, probation, suspected, latest)
