"""Purges in a worker that was cut off, or whose registry has lost what it knew."""

from pathlib import Path

import pytest
import redis

from discovery.model.settings import RegistrySettings
from discovery.store.keys import tag
from middlewares.cache.purging import everywhere
from middlewares.cache.purging import log as logs
from middlewares.cache.purging.deciding.records import encode
from middlewares.cache.purging.everywhere import Purged
from middlewares.cache.purging.log import NOWHERE, PurgeLog
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.purging import ONE, PURGE_ONE, TWO, both_gone, entry, keep, one_gone, worker
from tests.support.registry_servers import RegistryServer


async def cut_off(way: Forwarder) -> None:
    way.target = 1
    await way.cut()


async def test_a_worker_that_was_cut_off_does_what_it_has_missed(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everywhere, "CONFIRMED_WITHIN_S", 0.5)
    port = int(registry_url.rpartition(":")[2].partition("/")[0])
    async with (
        Forwarder(port) as way,
        worker(registry_url, "a") as a,
        worker(f"redis://127.0.0.1:{way.port}/0", "b") as b,
    ):
        keep(a, b)
        await cut_off(way)
        await eventually(lambda: not b.purging.is_current)
        done = await a.purging.purge([PURGE_ONE])
        assert done == Purged(1, unconfirmed=1)
        assert b.kept.urls() == [ONE, TWO], "it can't know yet"
        way.target = port
        await one_gone(b)
        assert b.purging.dropped == 0
        assert b.purging.took(entry(ONE), 0)


async def test_what_is_purged_where_the_registry_is_away_is_told_later(registry_url: str) -> None:
    port = int(registry_url.rpartition(":")[2].partition("/")[0])
    async with (
        Forwarder(port) as way,
        worker(registry_url, "a") as a,
        worker(f"redis://127.0.0.1:{way.port}/0", "b") as b,
    ):
        keep(a, b)
        await cut_off(way)
        done = await b.purging.purge([PURGE_ONE])
        assert done.count == 1
        assert "does not answer" in done.untold
        b.purging.invalidate([TWO])
        assert b.kept.urls() == []
        assert a.kept.urls() == [ONE, TWO]
        way.target = port
        await both_gone(a)


async def test_a_worker_that_missed_more_than_the_log_has_drops_everything(
    registry_url: str,
) -> None:
    port = int(registry_url.rpartition(":")[2].partition("/")[0])
    log = PurgeLog(RegistrySettings(registry_url), "a")
    async with Forwarder(port) as way, worker(f"redis://127.0.0.1:{way.port}/0", "b") as b:
        keep(b)
        since = b.purging.revision
        await cut_off(way)
        for _ in range(4):
            await log.record("[]", most_bytes=250)
        way.target = port
        await both_gone(b)
        assert b.purging.dropped == 1
        assert b.purging.took(entry(b"http://any/"), since)
        keep(b)
        await log.record('[["u","http://a.example/1",0]]', most_bytes=250)
        await one_gone(b)
    await log.close()


async def test_a_worker_whose_registry_was_flushed_drops_everything(registry_url: str) -> None:
    async with worker(registry_url, "a") as a, worker(registry_url, "b") as b:
        keep(a, b)
        with redis.Redis.from_url(registry_url) as client:
            client.flushall()
        await both_gone(a, b)
        keep(a, b)
        await a.after_rounds()
        assert a.kept.urls() == [ONE, TWO], "once is enough"
        await a.purging.purge([PURGE_ONE])
        await one_gone(a, b)


@pytest.mark.parametrize("lost", ["meta", "log"])
async def test_a_worker_whose_registry_has_evicted_a_part_of_the_log_drops_everything(
    registry_url: str, lost: str
) -> None:
    async with worker(registry_url, "a") as a, worker(registry_url, "b") as b:
        await a.purging.purge([PURGE_ONE])
        keep(a, b)
        # At once with another record, as it could be that no worker asks in between.
        with (
            redis.Redis.from_url(registry_url) as client,
            client.pipeline(transaction=True) as pipe,
        ):
            pipe.delete(f"{{lockgate:default}}:cache:purges:{lost}")
            pipe.hset("{lockgate:default}:cache:purges:meta", "rev", 2**52)
            pipe.execute()
        await both_gone(a, b)
        keep(a, b)
        await b.purging.purge([PURGE_ONE])
        await one_gone(a, b)


async def test_a_record_that_nobody_can_read_drops_everything(registry_url: str) -> None:
    log = PurgeLog(RegistrySettings(registry_url), "a later release")
    async with worker(registry_url, "a") as a:
        keep(a)
        await log.record('[["regex",".*",0]]')
        await both_gone(a)
    await log.close()


@pytest.mark.parametrize("fields", [{"x": "y"}, {"purges": "[]", "worker": "b"}])
async def test_a_record_without_its_parts_drops_everything_and_the_next_one_is_read(
    registry_url: str, fields: dict[str, str]
) -> None:
    log = PurgeLog(RegistrySettings(registry_url), "b")
    async with worker(registry_url, "a") as a:
        keep(a)
        written = await log.record(encode([PURGE_ONE]))
        await one_gone(a)
        revision = written.place.revision + 1
        with redis.Redis.from_url(registry_url) as client, client.pipeline() as pipe:
            prefix = f"{tag(RegistrySettings().namespace)}:cache:purges"
            pipe.xadd(f"{prefix}:log", fields, id=f"{revision}-0")  # type: ignore[arg-type]
            pipe.hset(f"{prefix}:meta", "rev", str(revision))
            pipe.execute()
        await both_gone(a)
        keep(a)
        await log.record(encode([PURGE_ONE]))
        await one_gone(a)
    await log.close()


async def test_a_registry_that_was_started_anew_may_have_lost_purges_and_is_told_again(
    tmp_path: Path,
) -> None:
    with RegistryServer(tmp_path, "--appendonly", "yes") as server:
        log = PurgeLog(RegistrySettings(server.url), "other")
        place = (await log.read(NOWHERE)).place
        async with worker(server.url, "a") as a, worker(server.url, "b") as b:
            await a.purging.purge([PURGE_ONE])
            keep(a, b)
            server.kill()
            server.start()
            # Its data is all there, and nobody can know that.
            await both_gone(a, b)

            async def told_twice() -> bool:
                records = (await log.read(place)).records
                return [one.purges for one in records] == [encode([PURGE_ONE]).encode()] * 2

            await eventually(told_twice)
        await log.close()


async def test_a_registry_that_takes_no_writes_is_followed(registry_url: str) -> None:
    log = PurgeLog(RegistrySettings(registry_url), "other")
    async with worker(registry_url, "a") as a:
        keep(a)
        with redis.Redis.from_url(registry_url) as client:
            before = client.config_get("maxmemory")["maxmemory"]
            client.config_set("maxmemory", "1")
            try:
                done = await a.purging.purge([PURGE_ONE])
                assert done.count == 1
                assert "refuses" in done.untold
                await a.after_rounds()
                assert a.purging.is_current
            finally:
                client.config_set("maxmemory", before)
        await eventually(lambda: not a.purging.describe()["untold"])
        page = await log.read(NOWHERE)
        assert page.place.revision > 0
    await log.close()


async def test_the_log_is_bounded_in_bytes(registry_url: str) -> None:
    log = PurgeLog(RegistrySettings(registry_url), "a")
    place = (await log.read(NOWHERE)).place
    for _ in range(300):
        await log.record("x" * 900, most_bytes=20_000)
    assert not (await log.read(place)).follows
    with redis.Redis.from_url(registry_url) as client:
        meta = client.hgetall("{lockgate:default}:cache:purges:meta")
        assert client.xlen("{lockgate:default}:cache:purges:log") == 20
        assert int(meta[b"bytes"]) == 20_000
    await log.close()


async def test_a_worker_reads_any_number_of_records(registry_url: str) -> None:
    log = PurgeLog(RegistrySettings(registry_url), "other")
    async with worker(registry_url, "a") as a:
        urls = [b"http://a/%d" % number for number in range(logs.RECORDS_PER_CALL * 3)]
        a.kept.entries = [entry(url) for url in urls]
        for url in urls:
            await log.record(f'[["u","{url.decode()}",0]]')
        await both_gone(a)
    await log.close()
