"""Any number of gateways sweep at once: each removal happens once, and makes one event."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import redis

from discovery import AsyncServiceRegistry
from discovery.model.instance import parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.events import parse_event
from tests.support.eventually import eventually

SWEEPERS = 5
EACH = 300


async def test_five_sweepers_at_once_remove_each_instance_once(registry_url: str) -> None:
    """More instances lapse or are unhealthy for too long than one sweep takes, so the sweepers share them."""
    async with AsyncExitStack() as stack:
        registries = [
            await stack.enter_async_context(AsyncServiceRegistry(registry_url))
            for _ in range(SWEEPERS)
        ]
        first = registries[0]
        lapsing = [f"price/lapses-{number}" for number in range(EACH)]
        failing = [f"price/fails-{number}" for number in range(EACH)]
        for key, ttl_s in [(k, 1) for k in lapsing] + [(k, 600) for k in [*failing, "price/stays"]]:
            name, _, instance_id = key.partition("/")
            body = {"host": "h", "port": 1}
            instance = parse_registration(name, instance_id, body, default_ttl_s=ttl_s)
            await first.call(scripts.register(instance))
        verdicts = [(key, "unhealthy", "refused") for key in failing]
        for gateway in range(SWEEPERS):
            await first.call(scripts.report(f"g{gateway}", 60, verdicts))

        async def sweep(number: int) -> None:
            await registries[number].call(scripts.sweep(f"g{number}", 60, 0.5))

        async def all_swept() -> bool:
            await asyncio.gather(*(sweep(number) for number in range(SWEEPERS)))
            return {one.instance.key for one in (await first.call(scripts.snapshot())).records} == {
                "price/stays"
            }

        await eventually(all_swept, within_s=30)
        for _ in range(3):
            assert await all_swept()
    with redis.Redis.from_url(registry_url) as client:
        entries = client.xrange(registry_keys("default")[-1])
    events = [event for _, fields in entries if (event := parse_event(fields)) is not None]
    gone = Counter(
        (event.kind, event.key) for event in events if event.kind in ("expired", "removed")
    )
    assert gone == Counter(
        [("expired", key) for key in lapsing] + [("removed", key) for key in failing]
    )
    revisions = [event.revision for event in events]
    assert revisions == sorted(set(revisions))
