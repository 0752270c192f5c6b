"""Keys in a registry behind Sentinel, and in a cluster: what is revoked stays so over a failover."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot

from middlewares.auth.ways.api_keys.deciding.ring import Ended
from tests.support.eventually import eventually
from tests.support.keyrings import after_rounds, create, following, new_key, store_at
from tests.support.registry_groups import FAILOVER_S, FailoverGroup, cluster, running
from tests.support.registry_servers import RegistryServer

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[FailoverGroup]:
    with running(FailoverGroup(tmp_path)) as group:
        yield group


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[RegistryServer]]:
    with cluster(tmp_path / "cluster", 3) as nodes:
        yield nodes


async def fail_over(group: FailoverGroup) -> None:
    group.primary.kill()
    await eventually(group.failed_over, within_s=FAILOVER_S)


async def test_keys_and_revocations_survive_a_failover(group: FailoverGroup) -> None:
    async with store_at(group.url()) as store, following(group.url()) as keyring:
        kept, revoked = await create(store, "kept"), await create(store, "revoked")
        await store.revoke("revoked")
        await keyring.refresh()
        group.replicate()
        await fail_over(group)
        assert keyring.ring.find(kept, time.time())
        await eventually(lambda: keyring.is_current)
        assert keyring.ring.find(kept, time.time())
        assert keyring.ring.find(revoked, time.time()) is None
        new = await create(store, "new")
        assert await keyring.look_up(new, time.time())
        await store.revoke("kept")
        await after_rounds(keyring)
        assert keyring.ring.find(kept, time.time()) is None


async def test_a_revocation_that_the_new_master_never_heard_of_stays_one(
    group: FailoverGroup,
) -> None:
    async with store_at(group.url()) as store, following(group.url()) as keyring:
        digest = await create(store)
        await keyring.refresh()
        group.replicate()
        with group.primary.client() as client:
            # From here on the replica gets nothing more.
            client.config_set("requirepass", "secret")
            client.client_kill_filter(_type="replica")
            await store.revoke("k1")
            await keyring.refresh()
        await fail_over(group)
        await eventually(lambda: keyring.is_current)
        assert keyring.ring.find(digest, time.time()) is None
        await after_rounds(keyring)
        async with following(group.url()) as newcomer:
            await newcomer.refresh()
            assert newcomer.ring.find(digest, time.time()) is None
            assert newcomer.ring.knows(digest)


async def test_every_script_of_the_keys_runs_in_a_cluster_and_they_are_in_one_slot(
    nodes: list[RegistryServer],
) -> None:
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in nodes)
    url = f"redis+cluster://{hosts}"
    async with store_at(url) as store, following(url) as keyring:
        digest, other = await create(store), await create(store, "k2")
        entry = await keyring.look_up(digest, time.time())
        assert entry is not None
        keyring.note_use(entry, 1000.0)
        await store.rotate("k1", new_key()[1], 1000)
        await store.tell([Ended("k2", other, 1)])
        await store.revoke("k1")
        await after_rounds(keyring)
        assert keyring.ring.find(digest, time.time()) is None
    keys: set[bytes] = set()
    for server in nodes:
        with server.client() as client, contextlib.suppress(redis.RedisError):
            keys |= set(client.scan_iter())
    assert {key_slot(key) for key in keys} == {key_slot(b"lockgate:default")}
