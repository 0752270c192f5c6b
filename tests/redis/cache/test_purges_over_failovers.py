"""Purges in a registry behind Sentinel, and in a cluster."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot

from middlewares.cache.purging.everywhere import Purged
from tests.support.eventually import eventually
from tests.support.purging import PURGE_ONE, both_gone, keep, one_gone, worker
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


async def test_a_failover_drops_everything_since_the_new_master_may_have_lost_a_purge(
    group: FailoverGroup,
) -> None:
    async with worker(group.url(), "a") as a, worker(group.url(), "b") as b:
        assert await a.purging.purge([PURGE_ONE]) == Purged(0)
        keep(a, b)
        group.primary.kill()
        await eventually(group.failed_over, within_s=FAILOVER_S)
        await both_gone(a, b)
        await eventually(lambda: a.purging.is_current and b.purging.is_current)
        await eventually(lambda: not a.purging.describe()["untold"])
        await a.after_rounds()
        await b.after_rounds()
        keep(a, b)
        await b.purging.purge([PURGE_ONE])
        await one_gone(a, b)


async def test_purges_work_in_a_cluster_and_all_their_keys_are_in_one_slot(
    nodes: list[RegistryServer],
) -> None:
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in nodes)
    url = f"redis+cluster://{hosts}"
    async with worker(url, "a") as a, worker(url, "b") as b:
        keep(a, b)
        assert await a.purging.purge([PURGE_ONE]) == Purged(2)
    keys: set[bytes] = set()
    for server in nodes:
        with server.client() as client, contextlib.suppress(redis.RedisError):
            keys |= set(client.scan_iter())
    assert len(keys) > 2
    assert {key_slot(key) for key in keys} == {key_slot(b"lockgate:default")}
