"""The requests that wait for the limiter's next call."""

import asyncio
from collections.abc import Sequence
from itertools import islice

from middlewares.limits.deciding import Ask, Decision

Callers = list[asyncio.Future[Decision]]


class Waiting:
    """The callers that wait for a decision, by their ask; equal asks are sent together."""

    def __init__(self) -> None:
        self._callers: dict[Ask, Callers] = {}
        #: Whether some of those that were added hold something while they are admitted.
        self.holds = False

    def __bool__(self) -> bool:
        return bool(self._callers)

    def add(self, ask: Ask, caller: "asyncio.Future[Decision]", *, holds: bool) -> None:
        self._callers.setdefault(ask, []).append(caller)
        if holds:
            self.holds = True

    def take(self, most: int) -> dict[Ask, Callers]:
        """The callers of the next call, with at most so many asks."""
        if len(self._callers) <= most:
            batch, self._callers = self._callers, {}  # an ask takes a while to hash
        else:
            batch = dict(islice(self._callers.items(), most))
            for ask in batch:
                del self._callers[ask]
        if self.holds:  # who left must not hold what others wait for
            for ask, callers in list(batch.items()):
                if ask.holds:
                    batch[ask] = [caller for caller in callers if not caller.done()]
                    if not batch[ask]:
                        del batch[ask]
        return batch


def answer(callers: Callers, decisions: Sequence[Decision]) -> list[Decision]:
    """Give each caller a decision, admitted ones first; returns those of callers that have left."""
    if decisions and decisions[0].held is not None:
        callers = sorted(callers, key=asyncio.Future.done)
    missed = []
    for caller, decision in zip(callers, decisions, strict=True):
        if caller.done():
            missed.append(decision)
        else:
            caller.set_result(decision)
    return missed
