"""Runs the parts of a composition: each as soon as the parts that it needs have answered."""

import asyncio
from collections.abc import Mapping

from middlewares.compose.asking import Asked, Asker
from middlewares.compose.composition import Part
from middlewares.compose.deciding.judging import Fine, Missing
from middlewares.compose.deciding.texts import Known
from middlewares.transform.deciding.variables import Values


class _Required(Exception):
    """A part is missing without which there is no answer."""


class Running:
    """One run of the parts; read `run` first."""

    def __init__(self, asker: Asker, parts: tuple[Part, ...], values: Values) -> None:
        self._asker = asker
        self._known: dict[str, Fine] = {}
        self._values = values
        self._waiting = {part.name: part for part in parts}
        self._asked: dict[str, Asked] = {}

    async def run(self) -> Mapping[str, Asked]:
        """Ask all parts, and return what came of each.

        Once a part is missing that is required, the others are cancelled and left out. If the caller is
        cancelled, all of them are; none is left when this returns or raises.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._begin(group)
        except* _Required:
            pass
        return self._asked

    def _begin(self, group: asyncio.TaskGroup) -> None:
        """Ask the parts for which all that they need is there, and leave out those for which it will never be."""
        left_out = True
        while left_out:
            left_out = False
            for part in [*self._waiting.values()]:
                missing = [name for name in sorted(part.needs) if self._is_missing(name)]
                if missing:
                    del self._waiting[part.name]
                    self._note(part, self._asker.leave_out(part, missing[0]))
                    left_out = True
                elif part.needs <= self._known.keys():
                    del self._waiting[part.name]
                    group.create_task(self._ask(part, group))

    async def _ask(self, part: Part, group: asyncio.TaskGroup) -> None:
        known = Known(self._values, {name: one.whole for name, one in self._known.items()})
        self._note(part, await self._asker.ask(part, known))
        self._begin(group)

    def _note(self, part: Part, asked: Asked) -> None:
        self._asked[part.name] = asked
        if not isinstance(asked.outcome, Missing):
            self._known[part.name] = asked.outcome
        elif not part.optional:
            raise _Required

    def _is_missing(self, name: str) -> bool:
        asked = self._asked.get(name)
        return asked is not None and isinstance(asked.outcome, Missing)
