"""A gateway's reports to the registry: verdicts that another gateway's sweep deleted are sent again."""

import asyncio

import redis

from discovery.base.tasks import end
from discovery.client.async_registry import AsyncServiceRegistry
from discovery.health.machine import Health
from discovery.member.leases import LEASE_S
from discovery.member.reporter import Reporter
from discovery.model.settings import RegistrySettings
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.view import Entry, Event, View
from tests.redis.test_scripts_against_twin import instance
from tests.support.eventually import eventually

GATEWAYS = registry_keys("default")[7]


async def test_a_gateway_whose_lease_was_over_says_all_of_its_verdicts_again(
    registry_url: str,
) -> None:
    """A report before the next sweep renewed the lease, so nobody noticed the deleted verdicts."""
    registry = AsyncServiceRegistry(settings=RegistrySettings(registry_url))

    def say_all() -> None:
        reporter.say("price/a", "healthy", "200")

    reporter = Reporter(registry, "paused", lambda _: Health(), say_all)

    async def status() -> str:
        found = await registry.call(scripts.snapshot("price"))
        return found.records[0].status

    async def is_healthy() -> bool:
        return await status() == "healthy"

    for key in ("price/a", "stock/a"):
        await registry.call(scripts.register(instance(key)))
    reporter.say("stock/a", "healthy", "200")
    task = asyncio.create_task(reporter.run())
    await eventually(is_healthy)

    with redis.Redis.from_url(registry_url) as client:
        client.zadd(GATEWAYS, {"paused": 1}, xx=True)
    await registry.call(scripts.report("other", LEASE_S, [("price/a", "unhealthy", "503")]))
    await registry.call(scripts.sweep("other", LEASE_S, 60))
    assert await status() == "unhealthy"
    reporter.say("stock/a", "unhealthy", "503")
    await eventually(is_healthy)

    await end(task)
    await registry.close()


async def test_what_was_not_said_in_time_of_an_instance_that_is_gone_is_never_said(
    registry_url: str,
) -> None:
    """The late verdict ended the probation of the instance that came back."""
    registry = AsyncServiceRegistry(settings=RegistrySettings(registry_url))
    reporter = Reporter(registry, "g", lambda _: Health(), lambda: None)
    gone = instance("price/a")
    before = View("e", 1, {"price": {gone.key: Entry(gone, 0)}})
    reporter.say("price/a", "healthy", "200")
    reporter.say("stock/a", "healthy", "200")
    reporter.view_changed(before, View("e", 2), Event(2, "removed", "price/a"))
    for key in ("price/a", "stock/a"):
        await registry.call(scripts.register(instance(key)))
    task = asyncio.create_task(reporter.run())

    async def statuses() -> dict[str, str]:
        found = await registry.call(scripts.snapshot())
        return {record.instance.key: record.status for record in found.records}

    async def is_said() -> bool:
        return (await statuses())["stock/a"] == "healthy"

    await eventually(is_said)
    assert (await statuses())["price/a"] == "starting"
    await end(task)
    await registry.close()
