"""What the gateways report meanwhile: how long until they notice a fault, and its end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bench.chaos.world import SERVICE, World
from bench.processes import StartError
from discovery.base.tasks import end

LOOKED_EACH_S = 0.05
ANSWERS_WITHIN_S = 1.0


class Watch:
    """Asks each gateway for the service, again and again, and notes whether all is well.

    All is well when every gateway lists all instances as healthy, from a view that is current.
    """

    def __init__(self, world: World) -> None:
        #: (monotonic s, whether all was well) for each look.
        self.looks: list[tuple[float, bool]] = []
        self._world = world
        self._looked = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            task = asyncio.create_task(self._run(session))
            try:
                yield
            finally:
                await end(task)

    async def until_well(self, within_s: float) -> bool:
        """Wait for a new look that finds all well; False if there is none in time."""
        began_s = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not (self.looks and self.looks[-1][1] and self.looks[-1][0] >= began_s):
                    await self._looked.wait()
                return True
        return False

    async def start_well(self, within_s: float) -> None:
        """Raise StartError if all is not well in time."""
        if not await self.until_well(within_s):
            raise StartError("not every instance became healthy at every gateway")

    def first(self, well: bool, after_s: float | None) -> float | None:
        """Seconds from then to the first look with that result."""
        if after_s is None:
            return None
        found = (at_s for at_s, was_well in self.looks if was_well is well and at_s >= after_s)
        at_s = next(found, None)
        return None if at_s is None else at_s - after_s

    async def _run(self, session: aiohttp.ClientSession) -> None:
        while True:
            asked_s = time.monotonic()
            peer, instances = self._world.peer, self._world.instances
            there = {copy.spec.port for copy in instances.values()}
            answers = await asyncio.gather(
                *(
                    peer.is_well(gateway.port, there)
                    if peer is not None
                    else _is_well(session, gateway.port, set(instances))
                    for gateway in self._world.gateways
                )
            )
            self.looks.append((asked_s, all(answers)))
            self._looked.set()
            self._looked = asyncio.Event()
            await asyncio.sleep(LOOKED_EACH_S)


async def _is_well(session: aiohttp.ClientSession, port: int, expected: set[str]) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/services/{SERVICE}") as answer:
            service = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError):
        return False
    instances = service.get("instances", ())
    healthy = {one["id"] for one in instances if one["status"] == "healthy"}
    return expected <= healthy and not service.get("stale", False)
