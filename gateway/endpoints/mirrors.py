"""`/mirrors`: how the answers of mirrors differ from those that clients got; each call needs the token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.endpoints.process import answer
from gateway.guard.admin import AdminGuard
from middlewares.failures import NoConfiguration

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.worker.mirroring import Mirroring

NO_CONTENT = 204


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorEndpoints:
    """The handlers; without a file there are no mirrors."""

    mirroring: "Mirroring | None"
    guard: AdminGuard

    async def report(self, request: web.Request) -> web.Response:
        """What this worker's mirrors have found since it began, or since the reports were begun anew."""
        return answer({"mirrors": self._mirrors(request).documents()})

    async def forget(self, request: web.Request) -> web.Response:
        """Begin the reports anew; the metrics go on."""
        self._mirrors(request).forget()
        return web.Response(status=NO_CONTENT)

    def _mirrors(self, request: web.Request) -> "Mirroring":
        """The mirrors; raises NoConfiguration, and what the guard raises."""
        self.guard.require(request)
        if self.mirroring is None:
            raise NoConfiguration
        return self.mirroring
