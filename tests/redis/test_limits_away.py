"""Limits while the registry is away or has lost what it knew, and once it is back."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from middlewares.limits import limiter as limiters
from middlewares.limits.deciding import Decision, Held, Policy
from middlewares.limits.limiter import ALONE_FOR_S, SharedLimiter
from tests.support.eventually import eventually
from tests.support.limiters import Clock, ask_of, running
from tests.support.registry_servers import RegistryServer

HOUR_US = 3_600_000_000
RATE = Policy("rate", 10, HOUR_US)
IN_FLIGHT = Policy("burst", 0, 0, concurrent=8)
TOKENS = Policy("tokens", 0, HOUR_US, budget=800, reserve=40)


@asynccontextmanager
async def hanging(server: RegistryServer, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The registry reads nothing until the end of the block; then it reads all that was sent."""
    server.pause()
    try:
        with patch.context() as patched:
            patched.setattr(limiters, "ANSWER_WITHIN_S", 0.1)
            yield
    finally:
        server.resume()


async def left(limiter: SharedLimiter, policy: Policy) -> int:
    """What is left by the registry's word, asked without holding it."""
    decision = await limiter.decide(ask_of("c", policy))
    assert not decision.locally
    if decision.held is None:
        return decision.remaining
    limiter.give_back(decision.held)
    return decision.remaining + policy.need


def held_of(decision: Decision) -> Held:
    assert decision.held is not None
    return decision.held


async def shared_again(limiter: SharedLimiter, clock: Clock) -> None:
    """Wait until the registry decides again what is held."""

    async def is_shared() -> bool:
        clock.now_s += 0.2
        decision = await limiter.decide(ask_of("other", IN_FLIGHT))
        limiter.give_back(held_of(decision))
        return not decision.locally

    await eventually(is_shared, within_s=20)


async def test_requests_that_were_admitted_alone_count_once_the_registry_is_back(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were forgotten, so that twice the limit got through within a window."""
    clock = Clock()
    async with running(own_registry.url, clock) as limiter:
        assert (await limiter.decide(ask_of("c", RATE))).remaining == 9
        async with hanging(own_registry, monkeypatch):
            alone = [await limiter.decide(ask_of("d", RATE)) for _ in range(3)]
            assert all(one.locally and one.allowed for one in alone)
        clock.now_s += ALONE_FOR_S
        decisions = [await limiter.decide(ask_of("d", RATE)) for _ in range(2)]
        assert not any(one.locally for one in decisions)
        # The call that was lost was read later, and its request counts too.
        assert [one.remaining for one in decisions] == [5, 4]


async def test_what_was_spent_while_the_registry_hung_is_charged_once(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry reads the lost call after all, and then the same again."""
    clock = Clock()
    async with running(own_registry.url, clock) as limiter:
        first, second = [await limiter.decide(ask_of("c", TOKENS)) for _ in range(2)]
        async with hanging(own_registry, monkeypatch):
            limiter.settle(held_of(first), {"tokens": 30})
            await eventually(lambda: limiter.alone)
            limiter.settle(held_of(second), {"tokens": 20})
            assert (await limiter.decide(ask_of("c", TOKENS))).locally
        await shared_again(limiter, clock)
        assert await left(limiter, TOKENS) == 800 - 30 - 20 - 40


async def test_a_registry_that_was_emptied_hears_again_what_was_spent_and_is_held(
    own_registry: RegistryServer,
) -> None:
    clock = Clock()
    async with running(own_registry.url, clock) as limiter:
        limiter.settle(held_of(await limiter.decide(ask_of("c", TOKENS))), {"tokens": 25})
        assert (await limiter.decide(ask_of("c", TOKENS, IN_FLIGHT))).allowed
        with own_registry.client() as client:
            client.flushall()
        decision = await limiter.decide(ask_of("c", TOKENS, RATE))
        assert (decision.locally, decision.allowed) == (True, True)
        limiter.give_back(held_of(decision))
        await shared_again(limiter, clock)
        assert await left(limiter, TOKENS) == 800 - 25 - 40
        assert await left(limiter, IN_FLIGHT) == 7
        assert await left(limiter, RATE) == 8


@pytest.mark.parametrize("loss", ["hangs", "is emptied", "starts anew"])
async def test_workers_together_spend_no_more_than_the_budget_though_the_registry_is_lost(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """Each of four workers has spent its part, then asks on alone, and again once the registry is back."""
    clock, spent = Clock(), 0

    async def spend() -> list[Decision]:
        nonlocal spent
        decisions = [await worker.decide(ask_of("c", TOKENS)) for worker in workers]
        for worker, decision in zip(workers, decisions, strict=True):
            if decision.held is not None:
                worker.settle(decision.held)
                spent += TOKENS.reserve
        return decisions

    async def all_is_spent_by_the_registrys_word() -> bool:
        clock.now_s += 0.5
        return not any(one.locally or one.allowed for one in await spend())

    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(running(own_registry.url, clock, live_workers=4))
            for _ in range(4)
        ]
        for _ in range(2):
            await spend()
        if loss == "hangs":
            async with hanging(own_registry, monkeypatch):
                for _ in range(4):
                    await spend()
        elif loss == "is emptied":
            with own_registry.client() as client:
                client.flushall()
        else:
            own_registry.kill()
            for _ in range(2):
                await spend()
            own_registry.start()
        await eventually(all_is_spent_by_the_registrys_word, within_s=30)
        assert spent == TOKENS.budget
        assert await left(workers[0], TOKENS) == 0
