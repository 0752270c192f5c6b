"""/config/reload and /config/diff: put the changed file in force, or say what another one would change."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from discovery.base.stepping import in_steps
from discovery.client.describing import rfc3339
from discovery.view.overlay import Overlay
from gateway.config.settings import GatewaySettings
from gateway.endpoints.bodies import whole_body
from gateway.endpoints.pooling.asking import Asking
from gateway.endpoints.process import answer
from gateway.guard.admin import AdminGuard
from gateway.machine.collector import collector_paused
from gateway.worker.configuration.reloading import Configuration, ConfigurationRejected, Result
from middlewares.exchange import EXCHANGE
from middlewares.failures import NoConfiguration
from middlewares.problems import Problem, problem_document
from middlewares.routing.configured import ConfiguredTable
from middlewares.routing.recent import RecentRequest, RecentRequests, of_plain, to_plain

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.config.compiled.compiling import Compiled

REJECTED = "config_rejected"
#: How messages name a file whose name was not told.
UNNAMED = "<body>"
RECENT = "recent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationEndpoints:
    """The handlers; without a file there is nothing to reload."""

    configuration: "Configuration[Compiled] | None"
    settings: GatewaySettings
    table_of: "Callable[[Compiled], ConfiguredTable]"
    recent: RecentRequests
    overlay: Overlay
    guard: AdminGuard
    asking: Asking

    def listen(self) -> None:
        """Let siblings have the last requests of this worker."""
        self.asking.answers(RECENT, self._told)

    async def reload(self, request: web.Request) -> web.Response:
        """Read the file again: 200 with what is different, or 422 with all mistakes.

        `in_force_since` is when a reload last changed something (RFC 3339).
        """
        self.guard.require(request)
        if self.configuration is None:
            raise NoConfiguration
        reloaded = await self.configuration.reload("asked for")
        if reloaded.result is Result.REJECTED:
            detail = "the file has mistakes, and the configuration before stays in force"
            return _rejected(request, detail, reloaded.mistakes)
        return answer(
            {
                "result": reloaded.result.value,
                "differences": list(reloaded.differences),
                "in_force_since": rfc3339(round(self.configuration.in_force_since_s * 1000)),
            }
        )

    async def diff(self, request: web.Request) -> web.Response:
        """Compare the file in the body with the one in force, and say where the last requests would go.

        `?file=` is its name for the mistakes; 422 has all of them. The files that it names are looked for
        where they would be if it were in force: relative paths begin in the folder of the file that is.
        """
        from gateway.config.file.bounds import MAX_BYTES

        self.guard.require(request)
        content = await whole_body(request, self.settings.client_limits, MAX_BYTES)
        # Without a file in force nothing of this is loaded yet, which takes a while.
        module = "gateway.worker.configuration.comparing"
        loaded = await asyncio.to_thread(import_module, module)
        in_force = self.configuration
        folder = Path() if in_force is None else in_force.path.parent
        name = request.query.get("file", UNNAMED)
        try:
            with collector_paused():
                candidate = await loaded.candidate(content, name, folder, self.settings)
                told = await self.asking.ask_each(RECENT)
                compared = await in_steps(
                    loaded.comparing(
                        candidate,
                        in_force=None if in_force is None else in_force.in_force,
                        table_of=self.table_of,
                        recent=self._recent(told.documents),
                        overlay=self.overlay,
                    )
                )
        except ConfigurationRejected as rejected:
            return _rejected(request, "the file has mistakes", rejected.mistakes)
        file = None if in_force is None else str(in_force.path)
        return answer(told.completed({"file": file, **compared}))

    def _recent(self, others: Sequence[Any]) -> Sequence[RecentRequest]:
        """The last requests of this worker and the others."""
        return [*self.recent, *(one for told in others for one in of_plain(told))]

    async def _told(self, _asked: Any) -> Any:
        return to_plain(self.recent)


def _rejected(request: web.Request, detail: str, mistakes: Sequence[str]) -> web.Response:
    """The problem document of a file with mistakes, which lists them."""
    exchange = request[EXCHANGE]
    exchange.reason = REJECTED
    document = problem_document(Problem(422, REJECTED), detail, exchange.correlation_id)
    return web.Response(
        status=422,
        body=orjson.dumps(document | {"mistakes": mistakes}),
        content_type="application/problem+json",
    )
