"""`/roll`: replaces the workers of this gateway one by one, and says how far that is; both need the token."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.endpoints.process import answer
from gateway.guard.admin import AdminGuard
from gateway.siblings.siblings import Siblings
from middlewares.failures import MasterAway, OneProcess

ACCEPTED = 202
#: The members that are shown, whatever else a master of another release says.
_SHOWN = ("number", "state", "reason", "replaced", "of")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollEndpoints:
    """The handlers; a gateway of one process has nobody who could replace it."""

    siblings: Siblings
    guard: AdminGuard

    async def begin(self, request: web.Request) -> web.Response:
        """202 with the number of the roll that begins, or that follows the one under way."""
        return answer(await self._asked(request, "roll"), ACCEPTED)

    async def state(self, request: web.Request) -> web.Response:
        """The last roll: `none`, `waiting`, `running`, `done` or `failed`, with the reason."""
        return answer(await self._asked(request, "roll_state"))

    async def _asked(self, request: web.Request, topic: str) -> Any:
        self.guard.require(request)
        if self.siblings.alone:
            raise OneProcess
        said = await self.siblings.ask_master(topic)
        if said is None:
            raise MasterAway
        return {name: said[name] for name in _SHOWN if name in said}
