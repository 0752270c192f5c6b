"""A thousand streams of four gateways on one budget: some are cut off, the registry is lost and back."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from middlewares.limits import limiter as limiters
from middlewares.limits.deciding import Policy
from middlewares.limits.limiter import SharedLimiter
from tests.support.eventually import eventually
from tests.support.limiters import ask_of, running
from tests.support.registry_servers import RegistryServer

GATEWAYS, STREAMS = 4, 1000
TOKENS = Policy("tokens", 0, 3_600_000_000, budget=60_000, reserve=100)


class Streams:
    """Streams side by side, spread over gateways; each costs up to what it reserves."""

    def __init__(self, gateways: list[SharedLimiter]) -> None:
        self._gateways = gateways
        self.spent = 0
        self.admitted = 0
        self.under_way = 0
        self.go_on = asyncio.Event()

    async def stream(self, number: int) -> None:
        limiter = self._gateways[number % GATEWAYS]
        decision = await limiter.decide(ask_of("c", TOKENS))
        held = decision.held
        if held is None:
            return
        self.admitted += 1
        self.under_way += 1
        spent = 0
        try:
            for piece in range(4):
                if piece == 2:
                    await self.go_on.wait()
                await asyncio.sleep(0)
                units = random.randrange(10, 26)
                spent += units
                self.spent += units
        finally:
            self.under_way -= 1
            limiter.settle(held, {"tokens": spent})


@pytest.mark.parametrize("loss", ["none", "hangs", "is emptied"])
async def test_the_budget_is_exceeded_by_nothing_and_nothing_stays_reserved(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    async with AsyncExitStack() as stack:
        gateways = [
            await stack.enter_async_context(running(own_registry.url, live_workers=GATEWAYS))
            for _ in range(GATEWAYS)
        ]
        monkeypatch.setattr(limiters, "ANSWER_WITHIN_S", 10.0)
        streams = Streams(gateways)
        tasks = [asyncio.ensure_future(streams.stream(number)) for number in range(STREAMS // 2)]
        await eventually(lambda: streams.under_way == STREAMS // 2)
        if loss == "hangs":
            monkeypatch.setattr(limiters, "ANSWER_WITHIN_S", 0.1)
            own_registry.pause()
        elif loss == "is emptied":
            with own_registry.client() as client:
                client.flushall()
        tasks += [
            asyncio.ensure_future(streams.stream(number)) for number in range(STREAMS // 2, STREAMS)
        ]
        await eventually(lambda: streams.admitted >= 550, within_s=20)
        for task in tasks[::3]:
            task.cancel()
        streams.go_on.set()
        own_registry.resume()
        await asyncio.wait(tasks)
        assert streams.spent <= TOKENS.budget

        # What is left is what was not spent, by the registry's word, once all have told it.
        monkeypatch.setattr(limiters, "ANSWER_WITHIN_S", 10.0)

        async def left() -> int | None:
            decision = await gateways[0].decide(ask_of("c", TOKENS))
            if decision.held is not None:
                gateways[0].give_back(decision.held)
            if decision.locally:
                return None
            return decision.remaining + (TOKENS.need if decision.held is not None else 0)

        async def all_is_told() -> bool:
            return await left() == TOKENS.budget - streams.spent

        await eventually(all_is_told, within_s=30)
        assert all(gateway.reserved() == {} for gateway in gateways)
        with own_registry.client() as client:
            await eventually(lambda: not list(client.scan_iter("*/held*")), within_s=10)
