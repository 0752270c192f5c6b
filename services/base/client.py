"""Calls other services by name: finds them in the directory, and tries another instance."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from discovery import DiscoveryError
from middlewares.failures import DependencyUnavailable
from middlewares.telemetry.correlation_ids import HEADER
from middlewares.telemetry.logs import correlation_id_var
from services.base.directory import Directory
from services.base.failures import passed_on
from services.base.validation import Answer

AnswerT = TypeVar("AnswerT", bound=Answer)


@dataclass(frozen=True, slots=True)
class _Call:
    """One request to any instance of a service."""

    service: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def may_be_repeated(self, error: Exception) -> bool:
        """Whether to try again: always for a GET (RFC 9110 §9.2.2), for a POST if no instance saw it."""
        return self.method == "GET" or isinstance(
            error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
        )


class ServiceClient:
    """Asks services for JSON by their names; every failure is DependencyUnavailable with the reason.

    Where the other service does not know a symbol, it is SymbolNotFound instead. `timeout_s` limits a
    call with all its tries, `connect_timeout_s` one connection.
    """

    _session: aiohttp.ClientSession  # set by `opened`

    def __init__(
        self, directory: Directory, *, timeout_s: float = 3.0, connect_timeout_s: float = 1.0
    ) -> None:
        self._directory = directory
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._log = structlog.get_logger()

    async def opened(self, _app: web.Application) -> AsyncIterator[None]:
        """A `cleanup_ctx`: the connections live as long as the app."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as self._session:
            yield

    async def get(
        self,
        service: str,
        path: str,
        model: type[AnswerT],
        *,
        query: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> AnswerT:
        """The document at `path` of any instance that answers, checked against `model`."""
        return await self._answer(_Call(service, "GET", path, query or {}), model, timeout_s)

    async def post(
        self,
        service: str,
        path: str,
        document: Any,
        model: type[AnswerT],
        *,
        idempotency_key: str,
    ) -> AnswerT:
        """An instance's answer to the document; with the same key the caller may repeat the call."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        call = _Call(service, "POST", path, body=orjson.dumps(document), headers=headers)
        return await self._answer(call, model, None)

    async def _answer(self, call: _Call, model: type[AnswerT], timeout_s: float | None) -> AnswerT:
        timeout_s = timeout_s or self._timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                body = await self._first_answer(call)
        except TimeoutError:
            raise DependencyUnavailable(call.service, f"no answer within {timeout_s:g} s") from None
        try:
            return model.model_validate_json(body)
        except ValidationError:
            raise DependencyUnavailable(call.service, "its answer is not understood") from None

    async def _first_answer(self, call: _Call) -> bytes:
        why = "no instance is registered and healthy"
        for instance in await self._instances(call.service):
            try:
                return await self._ask(call, instance["url"])
            except (aiohttp.ClientError, OSError) as error:
                why = "no instance could be reached"
                self._log.warning(
                    "dependency.unreachable",
                    dependency=call.service,
                    instance=instance["id"],
                    error=str(error),
                )
                if not call.may_be_repeated(error):
                    why = "the connection broke off before its answer"
                    break
        raise DependencyUnavailable(call.service, why)

    async def _instances(self, service: str) -> Sequence[dict[str, Any]]:
        try:
            return await self._directory.instances(service)
        except DiscoveryError:
            raise DependencyUnavailable(service, "the registry does not answer") from None

    async def _ask(self, call: _Call, url: str) -> bytes:
        correlation_id = correlation_id_var.get()
        headers = {**call.headers, HEADER: correlation_id} if correlation_id else call.headers
        async with self._session.request(
            call.method,
            url + call.path,
            params=call.query,
            data=call.body,
            headers=headers,
            allow_redirects=False,
        ) as response:
            body = await response.read()
            if response.status not in (200, 201):
                raise passed_on(response.status, body) or DependencyUnavailable(
                    call.service, f"it answered {response.status}"
                )
            return body
