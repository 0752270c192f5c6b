"""One limiter under load in a process of its own: `python -m bench.limiter_load NAME URL WAITING COUNT CLIENTS`."""

import asyncio
import contextlib
import importlib
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

#: Decides one request of a client.
Decide = Callable[[str], Awaitable[object]]
LIMIT, WINDOW_S = 100, 60
CONNECTIONS = 64
SCRIPT = Path(__file__).parents[1] / "middlewares" / "limits" / "rate_limit.lua"


def ours(*kinds: str) -> Callable[[str], "contextlib.AbstractAsyncContextManager[Decide]"]:
    """Our limiter with limits of these kinds."""

    @asynccontextmanager
    async def prepared(url: str) -> AsyncIterator[Decide]:
        from discovery.model.settings import RegistrySettings
        from middlewares.limits import limiter as limiters
        from middlewares.limits.deciding import Policy, ask_for
        from middlewares.limits.limiter import SharedLimiter

        window_us = WINDOW_S * 1_000_000
        of_kind = {
            "rate": Policy("rate", LIMIT, window_us),
            "second": Policy("second", 10 * LIMIT, window_us),
            "budget": Policy("budget", 0, window_us, budget=10 * LIMIT, reserve=10),
            "concurrent": Policy("concurrent", 0, 0, concurrent=1000),
        }
        policies = [of_kind[kind] for kind in kinds]
        limiters.ANSWER_WITHIN_S = 10.0  # on a busy machine too all is decided together
        limiter = SharedLimiter(RegistrySettings(url), live_workers=lambda: 1)
        sending = asyncio.create_task(limiter.run())

        async def decide(client: str) -> None:
            decision = await limiter.decide(ask_for(policies, client))
            if decision.held is not None:
                limiter.settle(decision.held, {"budget": 5})

        yield decide
        sending.cancel()
        await limiter.close()

    return prepared


def pooled(decide: Decide) -> Decide:
    """Let requests wait for one of CONNECTIONS connections, as a pool does."""
    free = asyncio.Semaphore(CONNECTIONS)

    async def decide_in_turn(client: str) -> object:
        async with free:
            return await decide(client)

    return decide_in_turn


@asynccontextmanager
async def one_call_each(url: str) -> AsyncIterator[Decide]:
    """Our script through redis-py, with a call for each request."""
    from redis.asyncio import Redis

    async with Redis.from_url(url) as client:
        script = client.register_script(SCRIPT.read_text("utf-8"))
        args = ["", 1, LIMIT, WINDOW_S * 1_000_000, 1000, 1, 1, 1, 1, 1]
        yield pooled(lambda name: script(keys=[f"each:{name}"], args=args))


@asynccontextmanager
async def limits(url: str) -> AsyncIterator[Decide]:
    """The library `limits`: its moving window is exact, as ours is."""
    library: Any = importlib.import_module("limits")
    asynchronous: Any = importlib.import_module("limits.aio")
    storage = asynchronous.storage.RedisStorage("async+" + url, implementation="redispy")
    limiter = asynchronous.strategies.MovingWindowRateLimiter(storage)
    item = library.RateLimitItemPerSecond(LIMIT, WINDOW_S)
    yield pooled(lambda name: limiter.hit(item, name))


@asynccontextmanager
async def throttled(url: str) -> AsyncIterator[Decide]:
    """The library `throttled-py`: its sliding window is an estimate."""
    library: Any = importlib.import_module("throttled.asyncio")
    throttle = library.Throttled(
        using=library.RateLimiterType.SLIDING_WINDOW.value,
        quota=library.rate_limiter.per_min(LIMIT),
        store=library.store.RedisStore(server=url),
    )
    yield pooled(lambda name: throttle.limit(name))


LIMITERS = {
    "ours": ours("rate"),
    "ours-two": ours("rate", "second"),
    "ours-budget": ours("budget"),
    "ours-concurrent": ours("concurrent"),
    "one-call-each": one_call_each,
    "limits": limits,
    "throttled-py": throttled,
}


async def measure(name: str, url: str, waiting: int, count: int, clients: int) -> dict[str, float]:
    """CPU seconds of this process and seconds in all for `count` decisions, with `waiting` at a time."""
    numbers = itertools.count()

    async def ask(until: int) -> None:
        while (number := next(numbers)) < until:
            await decide(f"client-{number % clients}")

    async with LIMITERS[name](url) as decide:
        await asyncio.gather(*(ask(count // 10) for _ in range(waiting)))
        begun_s, begun_cpu_s, begun = time.perf_counter(), time.process_time(), next(numbers)
        await asyncio.gather(*(ask(begun + count) for _ in range(waiting)))
        return {
            "cpu_s": time.process_time() - begun_cpu_s,
            "took_s": time.perf_counter() - begun_s,
        }


if __name__ == "__main__":
    _, which, its_url, *its_numbers = sys.argv
    print(json.dumps(asyncio.run(measure(which, its_url, *map(int, its_numbers)))))
