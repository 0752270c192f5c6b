"""The limiter of a worker: nobody waits for ever, nobody waits in vain, and a flood costs bounded memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from discovery.base.tasks import end
from discovery.model.settings import RegistrySettings
from middlewares.limits import limiter as limiters
from middlewares.limits.deciding import Check, Policy
from middlewares.limits.limiter import ALONE_FOR_S, CHECKS_PER_CALL, SharedLimiter
from tests.support.registry_servers import RegistryServer

POLICY = Policy("p", 1, 60_000_000)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no registry that is away."""
    monkeypatch.setattr(limiters, "ANSWER_WITHIN_S", 10.0)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def running(
    url: str, clock_s: Callable[[], float] = time.monotonic
) -> AsyncIterator[SharedLimiter]:
    limiter = SharedLimiter(RegistrySettings(url), live_workers=lambda: 1, clock_s=clock_s)
    task = asyncio.create_task(limiter.run())
    try:
        yield limiter
    finally:
        await end(task)
        await limiter.close()


@pytest.mark.parametrize("more", [1, CHECKS_PER_CALL + 1])
async def test_more_checks_than_a_call_takes_are_all_decided(registry_url: str, more: int) -> None:
    """The one after the last of a call waited until somebody else came."""
    checks = [Check(POLICY, f"client-{number}") for number in range(CHECKS_PER_CALL + more)]
    async with running(registry_url) as limiter, asyncio.timeout(20):
        decisions = await asyncio.gather(*(limiter.decide(check) for check in checks))
    assert all(decision.allowed and not decision.locally for decision in decisions)


async def test_alone_it_decides_at_once_and_asks_again_after_a_while(
    own_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request waited 100 ms for a registry that had just not answered."""
    clock = Clock()
    async with running(own_registry.url, clock) as limiter:
        assert not (await limiter.decide(Check(POLICY, "before"))).locally
        own_registry.pause()
        try:
            with monkeypatch.context() as patch:
                patch.setattr(limiters, "ANSWER_WITHIN_S", 0.1)
                assert (await limiter.decide(Check(POLICY, "first"))).locally
            for number in range(20):
                decision = limiter.decide(Check(POLICY, f"client-{number}"))
                assert await at_once(decision)
        finally:
            own_registry.resume()
        clock.now_s += ALONE_FOR_S
        assert not (await limiter.decide(Check(POLICY, "later"))).locally


async def at_once(decision: Awaitable[object]) -> bool:
    """It is there without anybody else's having had a turn."""
    task = asyncio.ensure_future(decision)
    await asyncio.sleep(0)
    assert task.done()
    return bool(getattr(task.result(), "locally"))  # noqa: B009


async def test_refusals_of_a_flood_are_remembered_up_to_a_cap_and_until_they_are_over(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client of its own for each request: the memory of them grew without an end."""
    monkeypatch.setattr(limiters, "REFUSALS_REMEMBERED", 50)
    clock = Clock()
    most = 0
    async with running(registry_url, clock) as limiter:
        for number in range(170):
            check = Check(POLICY, f"client-{number}")
            first, second = [await limiter.decide(check) for _ in range(2)]
            assert (first.allowed, second.allowed) == (True, False)
            assert not (await limiter.decide(check)).allowed
            most = max(most, len(limiter._refused))
        assert most == 50
        last = Check(POLICY, "client-169")
        assert last in limiter._refused
        clock.now_s += 61
        await limiter.decide(
            last
        )  # the registry is asked again, by whose clock it is still refused
        assert limiter._refused[last] > clock.now_s
