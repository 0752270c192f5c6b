"""/config/reload: puts the changed configuration file in force."""

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from gateway.endpoints.process import answer
from gateway.guard.admin import AdminGuard
from gateway.worker.configuration.reloading import Configuration, Result
from middlewares.exchange import EXCHANGE
from middlewares.failures import NoConfiguration
from middlewares.problems import Problem, problem_document

REJECTED = "config_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationEndpoints:
    """The handlers; without a file there is nothing to reload."""

    configuration: Configuration[Any] | None
    guard: AdminGuard

    async def reload(self, request: web.Request) -> web.Response:
        """Read the file again: 200 with what is different, or 422 with all mistakes."""
        self.guard.require(request)
        if self.configuration is None:
            raise NoConfiguration
        reloaded = await self.configuration.reload("asked for")
        if reloaded.result is Result.REJECTED:
            exchange = request[EXCHANGE]
            exchange.reason = REJECTED
            detail = "the file has mistakes, and the configuration before stays in force"
            document = problem_document(Problem(422, REJECTED), detail, exchange.correlation_id)
            return web.Response(
                status=422,
                body=orjson.dumps(document | {"mistakes": reloaded.mistakes}),
                content_type="application/problem+json",
            )
        return answer({"result": reloaded.result.value, "differences": list(reloaded.differences)})
