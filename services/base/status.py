"""What a service tells of itself: its name, its registration, and the state of its dependencies."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from middlewares.failures import DependencyUnavailable
from services.base.directory import Presence

#: Asks a dependency for something; raises DependencyUnavailable when there is no answer.
Check = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """`started_s` is of the monotonic clock; `checks` test its dependencies, by name."""

    name: str
    version: str
    started_s: float
    presence: Presence
    checks: Mapping[str, Check]

    async def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "uptime_s": round(time.monotonic() - self.started_s, 3),
            "instance_id": self.presence.instance_id,
            "registered": self.presence.registered,
            "dependencies": await asyncio.gather(
                *map(_state_of, self.checks, self.checks.values())
            ),
        }


async def _state_of(dependency: str, check: Check) -> dict[str, Any]:
    """Ask the dependency itself: what the registry says may be some seconds old."""
    try:
        await check()
    except DependencyUnavailable as failure:
        return {"name": dependency, "state": "unavailable", "detail": failure.detail}
    return {"name": dependency, "state": "available"}
