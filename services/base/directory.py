"""How a service registers and finds others."""

from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp import web

from discovery import AsyncServiceRegistry, announce
from discovery.model.settings import RegistrySettings


class Presence(Protocol):
    """A service's own registration, as this process knows it."""

    @property
    def instance_id(self) -> str: ...

    @property
    def registered(self) -> bool: ...

    async def drain(self) -> None:
        """Ask for no new requests; it may be repeated, and the registry may be away."""
        ...


class Directory(Protocol):
    """What a service needs of the registry; tests use a plain table instead."""

    def announce(
        self, app: web.Application, *, name: str, host: str | None, port: int, version: str
    ) -> Presence:
        """Register while the app serves; a registry that is away never stops the service.

        Without a host, register the address from which this machine reaches the registry.
        """
        ...

    async def instances(self, name: str) -> Sequence[dict[str, Any]]:
        """All healthy instances (`id`, `url`, …) in an order drawn by weight; raises DiscoveryError."""
        ...

    async def close(self) -> None: ...


class RegistryDirectory:
    """The Directory of a running system: the registry."""

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
