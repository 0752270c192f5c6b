"""Reads a registry's stream of events."""

from typing import Any

import redis

from discovery.store.keys import registry_keys, tag
from discovery.view.events import parse_event


def lease_of(url: str, key: str) -> int:
    """When the lease of an instance ends, ms; 0 where there is none."""
    with redis.Redis.from_url(url) as client:
        ends_ms: Any = client.zscore(f"{tag('default')}:leases", key)
    return int(ends_ms or 0)


def events_of(url: str) -> list[str]:
    """The kinds of all changes of registrations, without probes' verdicts."""
    with redis.Redis.from_url(url) as client:
        entries: Any = client.xrange(registry_keys("default")[-1])
    events = [parse_event(fields) for _, fields in entries]
    return [event.kind for event in events if event and event.kind != "health_changed"]
