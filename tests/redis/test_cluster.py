"""The registry in a real cluster: one slot holds all of it, every script runs there, clients find it."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot

from discovery import (
    AsyncServiceRegistry,
    RegistrySettings,
    RegistryUnavailable,
    ServiceRegistry,
)
from discovery.base.tasks import end
from discovery.model.instance import parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.watcher import Watcher
from gateway.acme.store import Store
from middlewares.limits.deciding import Ask, Check, Policy
from middlewares.limits.limiter import SharedLimiter
from tests.support.eventually import eventually
from tests.support.registry_groups import SLOTS, cluster, move_slot
from tests.support.registry_servers import RegistryServer, free_port

NODES = 3


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A cluster of one node that has all slots."""
    with cluster(tmp_path_factory.mktemp("cluster"), 1) as (node,):
        yield node


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RegistryServer]]:
    with cluster(tmp_path_factory.mktemp("cluster"), NODES) as nodes:
        yield nodes


@pytest.fixture(autouse=True)
def _emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for server in request.node.funcargs.get("nodes", []):
        with server.client() as client:
            client.flushall()


async def use_all(url: str) -> None:
    """Use every script, the stream and the limit as services and a gateway do."""
    settings = RegistrySettings(url)
    watcher = Watcher(settings)
    following = asyncio.create_task(watcher.run())
    limiter = SharedLimiter(settings, live_workers=lambda: 1)
    deciding = asyncio.create_task(limiter.run())
    instance = parse_registration("price", "a", {"host": "h", "port": 1}, default_ttl_s=600)
    try:
        async with AsyncServiceRegistry(settings=settings) as registry:
            await registry.call(scripts.register(instance))
            assert await registry.call(scripts.renew([instance.key])) == [True]
            await registry.call(scripts.sweep("g", 60, 60))
            await registry.call(scripts.report("g", 60, [(instance.key, "healthy", "200")]))
            assert await registry.discover_service("price") == "http://h:1"
            with ServiceRegistry(settings) as synchronous:
                assert synchronous.discover_service("price") == "http://h:1"
                assert synchronous.drain("price", "a")
            await eventually(lambda: any(entry.draining for entry in watcher.view.entries()))
            await registry.call(scripts.deregister(instance.key))
            await eventually(lambda: not watcher.view.is_registered("price"))
        async with asyncio.timeout(20):
            ask = Ask((Check(Policy("default", 10, 60_000_000), "client"),))
            await limiter.decide(ask)
            await limiter.decide(ask)
        assert not limiter.alone
        await use_certificates(settings)
    finally:
        await end(following)
        await end(deciding)
        await limiter.close()


async def use_certificates(settings: RegistrySettings) -> None:
    store = Store(settings, "https://ca.example/dir", worker="w")
    turn = await eventually(lambda: store.claim(60.0))
    assert turn is not None
    await store.change(turn, 60.0, {"account": "pem"}, {"t": "proof"})
    state = await store.look("", 0.0)
    assert state is not None
    assert state.account == "pem"
    await store.end(turn)
    await store.close()


async def test_every_script_runs_in_a_cluster_and_all_keys_are_in_one_slot(
    node: RegistryServer,
) -> None:
    await use_all(node.url)
    with node.client() as client:
        keys = [key.decode() for key in client.scan_iter()]
        slots = {client.execute_command("CLUSTER KEYSLOT", key) for key in keys}
        of_all = {
            client.execute_command("CLUSTER KEYSLOT", key) for key in registry_keys("default")
        }
    assert any(":limit:" in key for key in keys)
    assert any(":acme:" in key for key in keys)
    assert slots == of_all == {key_slot(b"lockgate:default")}


@pytest.mark.parametrize("first", range(NODES))
async def test_the_node_that_has_the_slot_is_found_from_any(
    nodes: list[RegistryServer], first: int
) -> None:
    order = nodes[first:] + nodes[:first]
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in order)
    await use_all(f"redis+cluster://{hosts}")


async def test_a_node_that_is_away_is_passed_over(nodes: list[RegistryServer]) -> None:
    hosts = ",".join(f"127.0.0.1:{port}" for port in (free_port(), nodes[0].port))
    await use_all(f"redis+cluster://{hosts}/0")


async def test_the_url_of_a_single_server_says_what_to_use_instead(
    nodes: list[RegistryServer],
) -> None:
    right = key_slot(b"lockgate:default") * NODES // SLOTS
    wrong = nodes[(right + 1) % NODES]
    registry = ServiceRegistry(RegistrySettings(wrong.url))
    with (
        contextlib.closing(registry),
        pytest.raises(RegistryUnavailable, match=r"node of a cluster.*redis\+cluster://"),
    ):
        registry.list_services()
    async with AsyncServiceRegistry(wrong.url) as asynchronous:
        with pytest.raises(RegistryUnavailable, match=r"redis\+cluster://"):
            await asynchronous.list_services()


async def test_a_slot_that_moves_is_followed(tmp_path: Path) -> None:
    """A client with the old address gets a MOVED and finishes its call at the new one."""
    slot = key_slot(b"lockgate:default")
    with cluster(tmp_path, 2) as servers:
        right = servers[slot * 2 // SLOTS]
        other = servers[1 - slot * 2 // SLOTS]
        url = f"redis+cluster://127.0.0.1:{right.port}"
        watcher = Watcher(RegistrySettings(url))
        following = asyncio.create_task(watcher.run())
        try:
            with ServiceRegistry(RegistrySettings(url)) as registry:
                registry.register_service("price", "h", 1, instance_id="a")
                await eventually(lambda: watcher.view.is_registered("price"))
                with right.client() as client:
                    client.flushall()
                move_slot(slot, right, other)
                registry.register_service("price", "h", 1, instance_id="b")
                assert registry.discover_service("price") == "http://h:1"
                await eventually(
                    lambda: "b" in [e.instance.id for e in watcher.view.registered("price")]
                )
        finally:
            await end(following)
        with other.client() as client:
            assert isinstance(client, redis.Redis)
            assert client.exists(*registry_keys("default")) > 0


async def test_while_the_slot_is_on_its_way_the_last_view_stays_and_then_it_is_followed(
    tmp_path: Path,
) -> None:
    """While each node has half of the keys, no script runs at either, so the registry is away."""
    slot = key_slot(b"lockgate:default")
    with cluster(tmp_path, 2) as servers:
        right = servers[slot * 2 // SLOTS]
        other = servers[1 - slot * 2 // SLOTS]
        url = f"redis+cluster://127.0.0.1:{right.port}"
        watcher = Watcher(RegistrySettings(url))
        following = asyncio.create_task(watcher.run())
        try:
            async with AsyncServiceRegistry(url) as registry:
                await registry.register_service("price", "h", 1, instance_id="a", ttl_s=600)
                await eventually(lambda: watcher.view.is_registered("price"))
                with right.client() as client, other.client() as to:
                    ids = [one.execute_command("CLUSTER MYID") for one in (client, to)]
                    to.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[0])
                    client.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[1])
                    keys = client.execute_command("CLUSTER GETKEYSINSLOT", slot, 100)
                    for number, key in enumerate(keys):
                        client.execute_command("MIGRATE", "127.0.0.1", other.port, key, 0, 10_000)
                        if number == 0:
                            with pytest.raises(RegistryUnavailable, match="Multiple keys request"):
                                await registry.heartbeat("price", "a")
                    with pytest.raises(RegistryUnavailable, match=f"{slot} .*{other.port}"):  # ASK
                        await registry.heartbeat("price", "a")
                    all_keys = registry_keys("default")
                    to.execute_command("ASKING")
                    with pytest.raises(redis.exceptions.TryAgainError):
                        to.eval("return 1", len(all_keys), *all_keys)
                    assert watcher.view.is_registered("price")
                    for one in (to, client):
                        one.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[1])
                assert await registry.heartbeat("price", "a")
                await registry.register_service("price", "h", 1, instance_id="b", ttl_s=600)
                await eventually(lambda: len(list(watcher.view.registered("price"))) == 2)
        finally:
            await end(following)
