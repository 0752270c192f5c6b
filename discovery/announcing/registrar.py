"""What a registration needs from a registry, and how Redis provides it."""

from typing import Protocol

from ..client.async_registry import AsyncServiceRegistry
from ..model.answers import Standing
from ..model.instance import Instance
from ..model.settings import RegistrySettings
from ..store import scripts

#: How long a stop waits until every worker is through with the instance. It stays below
#: INSTANCE_TTL, since a drained instance sends no heartbeats; a dead worker's lease ends in 3 s.
DRAINED_WITHIN_S = 5.0
#: The state of an instance where the registry tells nothing more exact.
REGISTERED = "registered"


class Registrar(Protocol):
    """Every call raises DiscoveryError where the registry is away; `registry` is its name in logs."""

    @property
    def registry(self) -> str: ...

    async def register(self, instance: Instance) -> None: ...

    async def renew(self, key: str) -> str:
        """Renew the lease; return the state or REGISTERED, or an empty text if it is not registered."""
        ...

    async def standing(self, key: str) -> Standing: ...

    async def drain(self, key: str) -> None: ...

    async def drained(self, key: str) -> None:
        """Wait, for a limited time, until every worker is through with a draining instance."""
        ...

    async def deregister(self, key: str) -> None: ...

    async def close(self) -> None: ...


class RedisRegistrar:
    """Keeps a registration in the registry itself."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._registry = AsyncServiceRegistry(settings=settings)
        self.registry = f"{settings.redis_url} {settings.namespace}"

    async def register(self, instance: Instance) -> None:
        await self._registry.call(scripts.register(instance))

    async def renew(self, key: str) -> str:
        return await self._registry.call(scripts.heartbeat(key))

    async def standing(self, key: str) -> Standing:
        return await self._registry.call(scripts.standing(key))

    async def drain(self, key: str) -> None:
        await self._registry.call(scripts.drain(key))

    async def drained(self, key: str) -> None:
        name, _, instance_id = key.partition("/")
        await self._registry.drained(name, instance_id, wait_s=DRAINED_WITHIN_S)

    async def deregister(self, key: str) -> None:
        await self._registry.call(scripts.deregister(key))

    async def close(self) -> None:
        await self._registry.close()
