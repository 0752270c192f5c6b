"""What a service tells about itself: who it is, is it registered, do its dependencies answer."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from middlewares.failures import DependencyUnavailable
from services.base.client import ServiceClient
from services.base.directory import Presence
from services.base.validation import Answer

#: A status page that waits for the dead is of no use.
CHECK_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """`started_s` is of the monotonic clock."""

    name: str
    version: str
    started_s: float
    presence: Presence
    client: ServiceClient
    dependencies: Sequence[str]

    async def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "uptime_s": round(time.monotonic() - self.started_s, 3),
            "instance_id": self.presence.instance_id,
            "registered": self.presence.registered,
            "dependencies": await asyncio.gather(*map(self._state_of, self.dependencies)),
        }

    async def _state_of(self, dependency: str) -> dict[str, Any]:
        """Found by asking it: what the registry believes may be some seconds old."""
        try:
            await self.client.get(dependency, "/health", Answer, timeout_s=CHECK_TIMEOUT_S)
        except DependencyUnavailable as failure:
            return {"name": dependency, "state": "unavailable", "detail": failure.detail}
        return {"name": dependency, "state": "available"}
