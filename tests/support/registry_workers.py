"""Workers of gateways that do not run, as the registry knows them."""

import redis

from discovery.store.keys import registry_keys

#: The place of the workers' leases among the registry's keys.
WORKERS = 10


def let_a_worker_live(url: str) -> None:
    """A gateway's worker that acknowledges nothing: a drain is complete when its lease ends."""
    with redis.Redis.from_url(url) as client:
        seconds, _ = client.time()
        client.zadd(registry_keys("default")[WORKERS], {"gateway.1": (seconds + 2) * 1000})
