"""Kept answers in a cluster, behind Sentinel, and with the rights of deploy/registry.acl alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Variants
from middlewares.cache.stores import leases, reach, reads, shared
from middlewares.cache.stores.scripts import keys_of
from middlewares.cache.stores.shared import SharedStore
from middlewares.cache.stores.store import Purge
from tests.redis.test_access import refused, url
from tests.redis.test_access import server as server
from tests.support.eventually import eventually
from tests.support.limiters import Clock
from tests.support.registry_groups import FAILOVER_S, FailoverGroup, cluster, running
from tests.support.registry_servers import RegistryServer
from tests.support.shared_stores import by_nothing, entry_of, running_store


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis more time, so that it does not count as away on a busy machine."""
    monkeypatch.setattr(reads, "PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "MOST_PATIENCE_S", 10.0)
    monkeypatch.setattr(reads, "ANSWER_WITHIN_S", 10.0)
    monkeypatch.setattr(leases, "ANSWER_WITHIN_S", 10.0)
    monkeypatch.setattr(shared, "WRITTEN_WITHIN_S", 10.0)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RegistryServer]]:
    with cluster(tmp_path_factory.mktemp("cluster"), 3) as nodes:
        yield nodes


async def keep(store: SharedStore, key: bytes = b"k") -> bool:
    tags = frozenset({b"tag"})
    return await store.keep(key, (), b"", entry_of(stored_s=store.now_s(), tags=tags))


async def is_kept(store: SharedStore, key: bytes = b"k") -> bool:
    return isinstance(await store.get(key, by_nothing), Variants)


async def use_all(store: SharedStore) -> None:
    """Run every script to its end."""
    lead = await store.lead(b"k")
    assert lead is not None
    await store.mark(b"k", 5)
    for key in (b"k", b"soft", b"dropped", b"other"):
        assert await keep(store, key)
    assert await is_kept(store)
    lead.release()
    assert await store.led(b"k", 10)
    assert await store.purge([Purge("url", b"/a", soft=True), Purge("tag", b"tag")]) == 8
    assert await keep(store)
    await store.drop(b"k")
    assert not await is_kept(store)
    assert await store.counts() is not None
    await store.clear()
    assert store.is_writable


async def test_every_script_runs_in_a_cluster_wherever_the_slot_is(
    nodes: list[RegistryServer],
) -> None:
    for node in nodes:
        listed = f"redis+cluster://127.0.0.1:{node.port}"
        async with running_store(listed) as store:
            await use_all(store)


async def test_a_gateway_may_run_each_script_to_its_end(server: RegistryServer) -> None:
    with server.client() as client:
        client.acl_log_reset()
    own = url(server, "lockgate_gateway")
    async with running_store(own, most_bytes=40_000) as store:
        await use_all(store)
        for number in range(60):  # evicts, and bounds the variants
            await keep(store, b"%d" % number)
            await store.keep(b"v", (b"a",), b"%d" % number, entry_of(stored_s=store.now_s()))
    assert refused(server) == set()


async def test_a_service_may_not_read_what_is_kept(server: RegistryServer) -> None:
    async with running_store(url(server, "lockgate_gateway")) as store:
        assert await keep(store)
        async with running_store(url(server, "lockgate_service")) as other:
            assert not await is_kept(other)
            assert not await keep(other, b"poisoned")
        assert not await is_kept(store, b"poisoned")


@pytest.mark.timeout(240)
async def test_what_is_kept_survives_a_failover(tmp_path: Path) -> None:
    with running(FailoverGroup(tmp_path)) as group:
        clock = Clock()
        async with running_store(group.url(), clock_s=clock) as store:
            assert await keep(store)
            group.replicate()
            group.primary.kill()
            assert not await is_kept(store)
            await eventually(group.failed_over, within_s=FAILOVER_S)

            async def is_kept_again() -> bool:
                clock.now_s += reach.AWAY_FOR_S
                return await is_kept(store)

            await eventually(is_kept_again, within_s=FAILOVER_S)
            clock.now_s += reach.AWAY_FOR_S
            assert await keep(store, b"new")


async def test_two_namespaces_share_nothing(registry_url: str) -> None:
    async with running_store(registry_url) as store:
        assert await keep(store)
        other = SharedStore(RegistrySettings(registry_url, "other"), most_bytes=1 << 20)
        assert keys_of("other")[0] != keys_of("default")[0]
        assert await other.counts() == (0, 0, 0)
        await other.close()
