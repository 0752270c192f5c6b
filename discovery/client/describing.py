"""Instances and services as users see them: the shapes of `/services` and of the Python API."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ..health.machine import Health, Transition
from ..model.answers import Record, Snapshot
from ..model.instance import Instance
from ..model.naming import PREFIX, route_of

Description = dict[str, Any]


def rfc3339(unix_ms: int) -> str:
    return _rfc3339_s(unix_ms // 1000)


@lru_cache(maxsize=1024)  # many of thousands of instances have the same seconds
def _rfc3339_s(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe_instance(
    instance: Instance, status: str, registered_at_ms: int, last_heartbeat_ms: int
) -> Description:
    """One instance; `status` is starting, healthy, unhealthy or draining; times are Unix ms."""
    return {
        "id": instance.id,
        "name": instance.name,
        "host": instance.host,
        "port": instance.port,
        "scheme": instance.scheme,
        "url": instance.url,
        "health_check_url": instance.health_check_url,
        "status": status,
        "version": instance.version,
        "weight": instance.weight,
        "metadata": dict(instance.metadata),
        "registered_at": rfc3339(registered_at_ms),
        "last_heartbeat": rfc3339(last_heartbeat_ms),
    }


def describe_service(
    name: str, instances: Sequence[Description], prefix: str | None = PREFIX
) -> Description:
    """A service with its instances, the healthy ones counted; `prefix` None: it has no route by name."""
    return {
        "name": name,
        "route": None if prefix is None else route_of(name, prefix),
        "healthy": sum(instance["status"] == "healthy" for instance in instances),
        "total": len(instances),
        "instances": list(instances),
    }


def describe_health(health: Health, history: Iterable[Transition]) -> Description:
    """What one gateway has seen of an instance: its verdict and its last changes, with evidence."""
    return {
        "condition": health.condition,
        "evidence": health.evidence,
        "latest": health.latest,
        "history": [
            {
                "time": datetime.fromtimestamp(one.at_s, UTC).isoformat(timespec="milliseconds"),
                "from": one.before,
                "to": one.after,
                "evidence": one.evidence,
            }
            for one in history
        ],
    }


def describe_record(record: Record) -> Description:
    return describe_instance(
        record.instance,
        "draining" if record.draining else record.status,
        record.registered_at_ms,
        record.last_heartbeat_ms,
    )


def describe_snapshot(snapshot: Snapshot) -> list[Description]:
    """All services of a snapshot, by name; lapsed instances that are not swept yet are left out."""
    services: dict[str, list[Description]] = {}
    for record in snapshot.records:
        if record.lapses_at_ms > snapshot.now_ms:
            services.setdefault(record.instance.name, []).append(describe_record(record))
    return [describe_service(name, services[name]) for name in sorted(services)]
