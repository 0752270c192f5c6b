"""Many workers whose connections were lost do not all read everything at the same moment."""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

import redis

from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.base.tasks import end
from discovery.view.watcher import Watcher
from tests.support.eventually import eventually

FOLLOWERS = 30
#: So many read 25 instances over a second.
MANY = 4_001


async def test_followers_that_return_spread_their_reading(registry_url: str) -> None:
    """All read at once: the registry was away for as long as that took, and answered none of them in time."""
    back_at_s: dict[int, float] = {}

    def note(number: int, watcher: Watcher) -> None:
        if watcher.connected:
            back_at_s[number] = time.monotonic()

    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(AsyncServiceRegistry(registry_url))
        for number in range(25):
            await registry.register_service("price", "127.0.0.1", 1, instance_id=f"{number}")
        for number in range(FOLLOWERS):
            one = Watcher(RegistrySettings(registry_url))
            one.followers = lambda: MANY
            one.when_connected_changes(partial(note, number, one))
            stack.push_async_callback(end, asyncio.create_task(one.run()))
        # Nobody waits for the first view.
        await eventually(lambda: len(back_at_s) == FOLLOWERS)
        back_at_s.clear()
        with redis.Redis.from_url(registry_url) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        await eventually(lambda: len(back_at_s) == FOLLOWERS, within_s=20)

    assert max(back_at_s.values()) - min(back_at_s.values()) > 0.3
