"""How a service becomes known to others and finds them: what it asks of the registry."""

from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp import web

from discovery import AsyncServiceRegistry, announce
from discovery.model.settings import RegistrySettings


class Presence(Protocol):
    """A service's own registration, as far as it is known here."""

    @property
    def instance_id(self) -> str: ...

    @property
    def registered(self) -> bool: ...

    async def drain(self) -> None:
        """Ask for no new requests; harmless when said twice, or when the registry is away."""
        ...


class Directory(Protocol):
    """What a service needs of the registry; tests stand in for it with a plain table."""

    def announce(
        self, app: web.Application, *, name: str, host: str | None, port: int, version: str
    ) -> Presence:
        """Register while the app serves; never stops it when the registry is away.

        Without a host: the address of its own from which it reaches the registry.
        """
        ...

    async def instances(self, name: str) -> Sequence[dict[str, Any]]:
        """All healthy instances (`id`, `url`, …), in an order drawn at random by weight; DiscoveryError."""
        ...

    async def close(self) -> None: ...


class RegistryDirectory:
    """The Directory of a running system."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._registry = AsyncServiceRegistry(settings=settings)

    def announce(
        self, app: web.Application, *, name: str, host: str | None, port: int, version: str
    ) -> Presence:
        return announce(
            app, name=name, host=host, port=port, version=version, settings=self._settings
        )

    async def instances(self, name: str) -> Sequence[dict[str, Any]]:
        return await self._registry.instances(name)

    async def close(self) -> None:
        await self._registry.close()
