"""One AsyncServiceRegistry in several event loops, as Flask's async views and `async_to_sync` use it."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from discovery import AsyncServiceRegistry


@pytest.fixture
def registry(registry_url: str) -> AsyncServiceRegistry:
    registry = AsyncServiceRegistry(registry_url)
    asyncio.run(registry_filled(registry))
    return registry


async def registry_filled(registry: AsyncServiceRegistry) -> None:
    await registry.register_service("orders_service", "localhost", 9000)


def connections(url: str) -> int:
    """The number of connections, without the one that asks."""
    with redis.Redis.from_url(url) as client:
        return len(client.client_list()) - 1


def test_each_loop_is_answered(registry: AsyncServiceRegistry) -> None:
    """Every second loop failed with "Event loop is closed"."""
    for _ in range(6):
        assert asyncio.run(registry.discover_service("orders_service")) == "http://localhost:9000"


def test_loops_of_several_threads_are_answered_at_the_same_time(
    registry: AsyncServiceRegistry,
) -> None:
    async def ask() -> set[str]:
        calls = (registry.discover_service("orders_service") for _ in range(5))
        return set(await asyncio.gather(*calls))

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: asyncio.run(ask()), range(8)))
    assert answers == [{"http://localhost:9000"}] * 8


def test_a_loop_that_ends_leaves_no_connection_behind(
    registry: AsyncServiceRegistry, registry_url: str
) -> None:
    before = connections(registry_url)
    for _ in range(5):
        asyncio.run(registry.discover_service("orders_service"))
    gc.collect()  # an unclosed connection would be a warning, and so an error
    assert connections(registry_url) == before


def test_a_registry_that_was_closed_can_be_used_again(registry: AsyncServiceRegistry) -> None:
    async def twice() -> None:
        for _ in range(2):
            assert await registry.discover_service("orders_service")
            await registry.close()

    asyncio.run(twice())


def test_a_loop_that_was_closed_without_a_word_is_forgotten(
    registry: AsyncServiceRegistry,
) -> None:
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(registry.discover_service("orders_service"))
    loop.run_until_complete(registry.close())
    assert loop.run_until_complete(registry.discover_service("orders_service"))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    assert asyncio.run(registry.discover_service("orders_service"))


def test_a_loop_may_begin_while_another_one_looks_for_what_is_closed(
    registry: AsyncServiceRegistry,
) -> None:
    """Threads with their own loops failed with "dictionary changed size during iteration"."""
    others = [asyncio.new_event_loop()]

    class Meets(asyncio.SelectorEventLoop):
        waits = True

        def is_closed(self) -> bool:
            if looks.is_set() and self.waits:
                self.waits = False
                call = registry.discover_service("orders_service")
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(others[0].run_until_complete, call).result()
            return super().is_closed()

    looks = threading.Event()
    others += [Meets(), asyncio.new_event_loop()]
    for loop in others[1:]:
        asked = loop.run_until_complete(registry.discover_service("orders_service"))
        assert asked == "http://localhost:9000"
        looks.set()
    assert not others[1].waits  # type: ignore[attr-defined]
    for loop in others:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
