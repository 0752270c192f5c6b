"""Documents that are made once for all concurrent requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from discovery.view.view import View

#: How long a document may be used while the view and the verdicts are unchanged.
FRESH_FOR_S = 0.5
#: After this time without a request, a document is dropped.
KEPT_FOR_S = 60.0
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class _Made:
    view: View
    revision: int
    at_s: float
    body: bytes

    def is_of(self, view: View, revision: int) -> bool:
        return self.view is view and self.revision == revision


class SharedDocuments:
    """Makes the document of a name if there is no fresh one; for each name, one at a time.

    No request gets a document from an older view than the one at its arrival. `revision` is that of
    everything else that documents are made of.
    """

    def __init__(
        self,
        view: Callable[[], View],
        make: Callable[[str, View], Awaitable[bytes]],
        revision: Callable[[], int] = int,
    ) -> None:
        self._view = view
        self._revision = revision
        self._make = make
        self._made: dict[str, _Made] = {}
        self._making: dict[str, asyncio.Task[_Made]] = {}

    async def get(self, name: str) -> bytes:
        view, revision, now_s = self._view(), self._revision(), time.monotonic()
        made = self._made.get(name)
        if made is not None and made.is_of(view, revision) and now_s - made.at_s < FRESH_FOR_S:
            return made.body
        under_way = self._making.get(name)
        if under_way is not None:
            made = await asyncio.shield(under_way)  # the request that began it may end; others wait
            if made.is_of(view, revision):
                return made.body
        # A document that is made from here on was begun after this request came.
        making = self._making.get(name)
        if making is None:
            making = self._making[name] = asyncio.create_task(self._make_anew(name))
        return (await asyncio.shield(making)).body

    async def _make_anew(self, name: str) -> _Made:
        try:
            view, revision, now_s = self._view(), self._revision(), time.monotonic()
            made = _Made(view, revision, now_s, await self._make(name, view))
        finally:
            del self._making[name]
        self._made.pop(name, None)  # so that the dictionary stays in order of time
        self._made[name] = made
        self._forget(now_s)
        return made

    def _forget(self, now_s: float) -> None:
        while self._made:
            name, oldest = next(iter(self._made.items()))
            if now_s - oldest.at_s < KEPT_FOR_S:
                return
            del self._made[name]
