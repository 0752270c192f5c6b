"""Calls to other services by name: found through the directory, tried at another instance."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar

import aiohttp
import structlog
from aiohttp import web
from pydantic import ValidationError

from discovery import DiscoveryError
from middlewares.correlation_ids import HEADER
from middlewares.failures import DependencyUnavailable
from middlewares.logs import correlation_id_var
from services.base.directory import Directory
from services.base.validation import Answer

#: A directory draws at random: after so many draws without a new instance there is likely none.
MAX_DRAWS = 8


AnswerT = TypeVar("AnswerT", bound=Answer)


class ServiceClient:
    """GETs JSON from a service by its name; every failure is DependencyUnavailable with the reason.

    `timeout_s` bounds a call with all its tries; `connect_timeout_s` one connection.
    """

    _session: aiohttp.ClientSession  # from `opened` on

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
        timeout_s = timeout_s or self._timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                body = await self._first_answer(service, path, query or {})
        except TimeoutError:
            raise DependencyUnavailable(service, f"no answer within {timeout_s:g} s") from None
        try:
            return model.model_validate_json(body)
        except ValidationError:
            raise DependencyUnavailable(service, "its answer is not understood") from None

    async def _first_answer(self, service: str, path: str, query: Mapping[str, str]) -> bytes:
        why = "no instance is registered and healthy"
        tried: set[str] = set()
        for _ in range(MAX_DRAWS):
            instance = await self._draw(service)
            if instance is None:
                break
            if instance["id"] in tried:
                continue
            tried.add(instance["id"])
            try:
                return await self._ask(service, instance["url"] + path, query)
            except (aiohttp.ClientError, OSError) as error:
                # A GET may be repeated whatever became of it (RFC 9110 §9.2.2).
                why = "no instance could be reached"
                self._log.warning(
                    "dependency.unreachable",
                    dependency=service,
                    instance=instance["id"],
                    error=str(error),
                )
        raise DependencyUnavailable(service, why)

    async def _draw(self, service: str) -> dict[str, Any] | None:
        try:
            return await self._directory.get_service(service)
        except DiscoveryError:
            raise DependencyUnavailable(service, "the registry does not answer") from None

    async def _ask(self, service: str, url: str, query: Mapping[str, str]) -> bytes:
        correlation_id = correlation_id_var.get()
        headers = {HEADER: correlation_id} if correlation_id else None
        async with self._session.get(
            url, params=query, headers=headers, allow_redirects=False
        ) as response:
            body = await response.read()
            if response.status != 200:
                raise DependencyUnavailable(service, f"it answered {response.status}")
            return body
