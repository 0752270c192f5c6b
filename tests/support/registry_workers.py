"""Workers of gateways that exist only in the registry."""

import redis

from discovery.store.keys import registry_keys

#: The index of the workers' leases among the registry's keys.
WORKERS = 10


def let_a_worker_live(url: str) -> None:
    """Add a gateway's worker that acknowledges nothing, so that drains wait for the end of its lease."""
    with redis.Redis.from_url(url) as client:
        seconds, _ = client.time()
        client.zadd(registry_keys("default")[WORKERS], {"gateway.1": (seconds + 2) * 1000})
