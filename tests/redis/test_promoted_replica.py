"""A replica was cut off and is promoted: ids and revisions repeat, and its clock may be behind."""

import asyncio
import time
from pathlib import Path

import redis

from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.base.tasks import end
from discovery.store.keys import registry_keys
from discovery.view.watcher import Watcher
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.registry_groups import wait_until
from tests.support.registry_servers import RegistryServer

KEYS = registry_keys("default")
META, INSTANCES, EVENTS = KEYS[0], KEYS[1], KEYS[-1]
HOUR_MS = 3_600_000


def drain_an_hour_ahead(client: "redis.Redis", key: str) -> None:
    """Drain as the script does with a clock that is ahead, so that the event's id is in the future."""
    value = client.hget(INSTANCES, key)
    assert isinstance(value, bytes)
    client.hset(INSTANCES, key, value.replace(b" active ", b" draining "))
    event_id = f"{round(time.time() * 1000) + HOUR_MS}-0"
    rev = client.hincrby(META, "rev", 1)
    client.xadd(EVENTS, {"rev": rev, "kind": "draining", "member": key, "at": 0}, id=event_id)


async def test_no_change_is_missed_after_a_promotion(tmp_path: Path) -> None:
    """The view had revision 3 of the old primary. The new primary makes its own revision 3, with an id
    that is an hour older than the last one read. A reader that went on from there saw no event for an
    hour."""
    with (
        RegistryServer(tmp_path / "primary") as primary,
        RegistryServer(tmp_path / "replica") as replica,
    ):
        with replica.client() as client:
            client.replicaof("127.0.0.1", primary.port)  # type: ignore[arg-type]
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        async with Forwarder(primary.port) as way:
            url = f"redis://127.0.0.1:{way.port}/0"
            watcher = Watcher(RegistrySettings(url))
            following = asyncio.create_task(watcher.run())
            try:
                async with AsyncServiceRegistry(url) as registry:
                    for instance_id in ("a", "b"):
                        await registry.register_service("price", "h", 1, instance_id=instance_id)
                    with primary.client() as old, replica.client() as new:
                        wait_until(lambda: new.hget(META, "rev") == b"2")
                        new.replicaof("NO", "ONE")  # type: ignore[arg-type]
                        drain_an_hour_ahead(old, "price/a")
                    await eventually(lambda: watcher.view.revision == 3)

                    way.target = replica.port
                    primary.kill()
                    await eventually(lambda: watcher.connected and watcher.view.revision == 2)
                    draining = {e.key: e.draining for e in watcher.view.entries()}
                    assert draining == {"price/a": False, "price/b": False}

                    await registry.drain("price", "b")
                    await registry.register_service("price", "h", 1, instance_id="c")
                    await eventually(lambda: watcher.view.revision == 4)
                    draining = {e.key: e.draining for e in watcher.view.entries()}
                    assert draining == {
                        "price/a": False,
                        "price/b": True,
                        "price/c": False,
                    }
            finally:
                await end(following)
