"""Of all gateways one asks the service, and the others wait for what it finds."""

import asyncio

import pytest
import redis

from middlewares.cache.entry import Variants
from middlewares.cache.stores import leases, reads
from middlewares.cache.stores.shared import Lead, SharedStore
from tests.support.eventually import eventually
from tests.support.limiters import Clock
from tests.support.registry_servers import RegistryServer
from tests.support.shared_stores import by_nothing, entry_of, running_store


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "MOST_PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "ANSWER_WITHIN_S", 10.0)
    monkeypatch.setattr(leases, "ANSWER_WITHIN_S", 10.0)


async def lead_of(store: SharedStore, key: bytes = b"k") -> Lead:
    lead = await store.lead(key)
    assert lead is not None
    return lead


async def test_one_gateway_leads_at_a_time(registry_url: str) -> None:
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        lead = await lead_of(one)
        assert await other.lead(b"k") is None
        assert isinstance(await other.lead(b"another"), Lead)
        lead.release()
        lead.release()
        await eventually(lambda: other.lead(b"k"))


async def test_another_flight_of_the_worker_that_leads_ends_nothing(registry_url: str) -> None:
    """Flights of one worker for one key have found that they can't share an answer."""
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        lead = await lead_of(one)
        (await lead_of(one)).release()
        ended = await lead_of(one, b"another")  # a release would have been told before
        assert await other.lead(b"k") is None
        lead.release()
        ended.release()


async def test_whoever_leads_after_another_one_looks_again(registry_url: str) -> None:
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        lead = await lead_of(one)
        assert not lead.look_again
        lead.release()
        assert await other.led(b"k", 10)
        assert (await lead_of(other)).look_again


async def test_others_wait_until_the_entry_is_kept(registry_url: str) -> None:
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        lead = await lead_of(one)
        waiting = asyncio.create_task(other.led(b"k", 30))
        await one.keep(b"k", (), b"", entry_of(stored_s=one.now_s()))
        assert not waiting.done()
        lead.release()
        assert await waiting
        assert isinstance(await other.get(b"k", by_nothing), Variants)


async def test_nobody_waits_for_what_nobody_leads(registry_url: str) -> None:
    async with running_store(registry_url) as store:
        assert await store.led(b"k", 0)


async def test_who_has_waited_long_enough_goes_on_alone(registry_url: str) -> None:
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        lead = await lead_of(one)
        assert not await other.led(b"k", 0.02)
        lead.release()


async def test_the_lease_of_a_gateway_that_died_lapses(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_MS", 50)
    monkeypatch.setattr(leases, "RENEWED_AFTER_S", 60)
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        await lead_of(one)
        assert await other.led(b"k", 10)
        assert isinstance(await other.lead(b"k"), Lead)


async def test_a_lease_is_renewed_while_its_flight_lasts(registry_url: str) -> None:
    clock = Clock()
    async with (
        running_store(registry_url, clock_s=clock) as one,
        running_store(registry_url) as other,
    ):
        lead = await lead_of(one)
        with redis.Redis.from_url(registry_url) as client:
            (name,) = client.scan_iter(match="*:lead:*")
            client.delete(name)  # as if it had lapsed
            clock.now_s += leases.RENEWED_AFTER_S
            another = await lead_of(one, b"another")  # so that it looks at its clock
            await eventually(lambda: client.exists(name))
        assert await other.lead(b"k") is None
        lead.release()
        another.release()


async def test_a_gateway_that_lost_its_lease_ends_nobody_elses(registry_url: str) -> None:
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        lead = await lead_of(one)
        with redis.Redis.from_url(registry_url) as client:
            client.flushall()
        others = await lead_of(other)
        lead.release()
        ended = await lead_of(one, b"another")  # the release has been told before
        async with running_store(registry_url) as third:
            assert await third.lead(b"k") is None
        others.release()
        ended.release()


async def test_a_caller_that_is_cancelled_leads_nothing(registry_url: str) -> None:
    async with running_store(registry_url) as one, running_store(registry_url) as other:
        taking = asyncio.create_task(one.lead(b"k"))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        await eventually(lambda: other.lead(b"k"))


async def test_those_who_wait_go_on_when_redis_goes_away(own_registry: RegistryServer) -> None:
    async with running_store(own_registry.url) as one, running_store(own_registry.url) as other:
        await lead_of(one)
        waiting = asyncio.create_task(other.led(b"k", 30))
        await asyncio.sleep(0)
        own_registry.kill()
        assert not await waiting
        assert isinstance(await other.lead(b"k"), Lead)


async def test_many_leases_are_taken_in_one_call(registry_url: str) -> None:
    async with running_store(registry_url) as store:
        with redis.Redis.from_url(registry_url) as client:
            await lead_of(store)
            before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            leads = await asyncio.gather(*(store.lead(b"%d" % n) for n in range(400)))
            after = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        assert all(leads)
        assert after - before <= 3
