"""Reads a registry's stream of events."""

from typing import Any

import redis

from discovery.store.keys import registry_keys
from discovery.view.events import parse_event


def events_of(url: str) -> list[str]:
    """The kinds of all changes of registrations, without probes' verdicts."""
    with redis.Redis.from_url(url) as client:
        entries: Any = client.xrange(registry_keys("default")[-1])
    events = [parse_event(fields) for _, fields in entries]
    return [event.kind for event in events if event and event.kind != "health_changed"]
