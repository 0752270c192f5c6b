"""What keeping one registration asks of a registry; here over Redis."""

import asyncio
from typing import Protocol

from discovery import commands
from discovery.async_registry import AsyncServiceRegistry
from discovery.instance import Instance
from discovery.settings import RegistrySettings

#: A gateway's workers hear of a drain within milliseconds; one that chose the instance just before
#: has sent its request, over a slow network too, before this is over.
HEARD_WITHIN_S = 0.5


class Registrar(Protocol):
    """Every call raises DiscoveryError where the registry is away."""

    async def register(self, instance: Instance) -> None: ...

    async def renew(self, key: str) -> bool:
        """False: the registry does not know it, register again."""
        ...

    async def drain(self, key: str) -> None: ...

    async def drained(self, key: str) -> None:
        """Wait, for a bounded time, until nothing new is sent to an instance that drains."""
        ...

    async def deregister(self, key: str) -> None: ...

    async def close(self) -> None: ...


class RedisRegistrar:
    """The registry itself."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._registry = AsyncServiceRegistry(settings=settings)

    async def register(self, instance: Instance) -> None:
        await self._registry.call(commands.register(instance))

    async def renew(self, key: str) -> bool:
        return (await self._registry.call(commands.renew([key])))[0]

    async def drain(self, key: str) -> None:
        await self._registry.call(commands.drain(key))

    async def drained(self, key: str) -> None:
        await asyncio.sleep(HEARD_WITHIN_S)

    async def deregister(self, key: str) -> None:
        await self._registry.call(commands.deregister(key))

    async def close(self) -> None:
        await self._registry.close()
