"""`/mirrors`: how the answers of mirrors differ from those that clients got; each call needs the token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway.endpoints.pooling.asking import Asking
from gateway.endpoints.process import answer
from gateway.guard.admin import AdminGuard
from middlewares.failures import NoConfiguration

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.worker.mirroring import Mirroring

NO_CONTENT = 204
REPORTS, FORGET = "mirrors", "mirrors.forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorEndpoints:
    """The handlers; without a file there are no mirrors."""

    mirroring: "Mirroring | None"
    guard: AdminGuard
    asking: Asking

    def listen(self) -> None:
        """Let siblings have this worker's reports."""
        if self.mirroring is not None:
            self.asking.answers(REPORTS, self._told)
            self.asking.answers(FORGET, self._forget)

    async def report(self, request: web.Request) -> web.Response:
        """What the mirrors of all workers have found since these began, or since the reports were begun anew."""
        mirroring = self._mirrors(request)
        others = await self.asking.ask_each(REPORTS)
        if not others.documents:
            return answer(others.completed({"mirrors": mirroring.documents()}))
        from middlewares.mirror.pooling import joined

        reports = [*mirroring.told(), *(one for told in others.documents for one in told)]
        return answer(others.completed({"mirrors": joined(reports)}))

    async def forget(self, request: web.Request) -> web.Response:
        """Begin the reports of all workers anew; the metrics go on."""
        self._mirrors(request).forget()
        await self.asking.ask(FORGET)
        return web.Response(status=NO_CONTENT)

    async def _told(self, _asked: Any) -> Any:
        assert self.mirroring is not None, "it listens"
        return self.mirroring.told()

    async def _forget(self, _asked: Any) -> None:
        assert self.mirroring is not None, "it listens"
        self.mirroring.forget()

    def _mirrors(self, request: web.Request) -> "Mirroring":
        """The mirrors; raises NoConfiguration, and what the guard raises."""
        self.guard.require(request)
        if self.mirroring is None:
            raise NoConfiguration
        return self.mirroring
