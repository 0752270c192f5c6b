"""The metrics of a gateway of several workers, whichever of them is asked.

A worker gives its counters to the master before it answers, so that after its end no sum is less than one
that was seen.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from prometheus_client.registry import Collector

from discovery.base.stepping import in_steps
from discovery.base.steps import slices
from gateway.siblings.packing import packed, unpacked
from gateway.siblings.siblings import Siblings
from gateway.siblings.summing.deciding.series import (
    Family,
    families_of,
    key_of,
    key_of_family,
    of_plain,
    to_plain,
)
from gateway.siblings.summing.deciding.sums import counters_of, members, summed
from gateway.siblings.summing.exposing import Encode, collected, written
from middlewares.failures import MasterAway

TOPIC = "metrics"
#: A sibling that has not answered by then counts with the counters that the master has of it.
ANSWERED_WITHIN_S = 0.8
#: So often the master hears of counters that nobody asks for.
GIVEN_EVERY_S = 3.0
#: Without the master nobody knows what workers that have ended had counted. One that goes on with new code
#: answers a little later; Prometheus waits for 10 s.
MASTER_WITHIN_S = 8.0
#: A worker that ends waits no longer for it.
LAST_WITHIN_S = 2.0


class GatewayScrapes:
    """Adds up what all workers count."""

    def __init__(self, siblings: Siblings, registry: Collector) -> None:
        self._siblings = siblings
        self._registry = registry
        #: The counters that the master has by now.
        self._given: dict[str, float] = {}
        self._under_way: asyncio.Task[list[Family]] | None = None
        self._next: asyncio.Task[list[Family]] | None = None
        siblings.answers(TOPIC, self._answer)

    async def text(self, encode: Encode) -> bytes:
        """The metrics of the gateway; MasterAway if the master does not answer."""
        return await in_steps(written(await self._families(), encode))

    async def run(self) -> None:
        """Give the master the counters now and then; never returns."""
        while True:
            await asyncio.sleep(GIVEN_EVERY_S)
            await self._told()

    async def last(self) -> None:
        """Give the master what is counted at the end, and wait until it has it."""
        await self._told()
        if not self._siblings.deserted.is_set():
            await self._siblings.ask_master("departed", {"answered": []}, LAST_WITHIN_S)

    async def _families(self) -> list[Family]:
        """What a scrape found that began after this call; those who wait meanwhile share the next one."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._under_way))
        return await asyncio.shield(self._next)

    async def _after(self, before: "asyncio.Task[list[Family]] | None") -> list[Family]:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        return await self._scraped()

    async def _scraped(self) -> list[Family]:
        siblings = self._siblings
        own, answers = await asyncio.gather(
            self._told(), siblings.ask(TOPIC, within_s=ANSWERED_WITHIN_S)
        )
        answered = {id_: text for id_, text in answers.items() if text}
        others = await siblings.ask_master(
            "departed", {"answered": [*answered]}, within_s=MASTER_WITHIN_S
        )
        if others is None:
            raise MasterAway
        gone = set(others["gone"])
        alive = [of_plain(await unpacked(answered[id_])) for id_ in answered if id_ not in gone]
        departed = await in_steps(families_of(others["counters"]))
        families = await in_steps(summed((own, *alive), departed, siblings.began_at_s))
        return [*families, members(member.state for member in siblings.members)]

    async def _answer(self, _asked: Any) -> str:
        return await packed(to_plain(await self._told()))

    async def _told(self) -> Sequence[Family]:
        """What this worker has; the master has its counters, or gets them before anything that is sent later."""
        families = await in_steps(collected(self._registry))
        changed: dict[str, float] = {}
        for described, series in counters_of(families):
            self._add_changed(changed, key_of_family(described), 0)
            for some in slices(series):
                for one in some:
                    self._add_changed(changed, key_of(described.name, one), one.value)
                await asyncio.sleep(0)
        for keys in slices(changed):
            # Two of these may run side by side: what the master has never goes back.
            now = {key: changed[key] for key in keys if changed[key] > self._given.get(key, -1)}
            if now and self._siblings.counters(now):
                self._given |= now
        return families

    def _add_changed(self, changed: dict[str, float], key: str, value: float) -> None:
        if value > self._given.get(key, -1):
            changed[key] = value
