"""Instances and services in the contract's shape."""

from discovery.client.describing import (
    describe_record,
    describe_service,
    describe_snapshot,
    rfc3339,
)
from discovery.model.answers import Record, Snapshot
from discovery.model.instance import parse_registration

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def record(
    key: str = "price_service/a",
    *,
    status: str = "healthy",
    draining: bool = False,
    lapses_in_ms: int = 15_000,
    weight: int = 1,
) -> Record:
    name, _, instance_id = key.partition("/")
    body = {"host": "localhost", "port": 8002, "weight": weight, "health_check_url": "/health"}
    instance = parse_registration(name, instance_id, {**body, "version": "1.0.0"})
    return Record(instance, NOW_MS, NOW_MS + lapses_in_ms, draining, status)


def snapshot(*records: Record, live_gateways: int = 1) -> Snapshot:
    return Snapshot("e", 1, "1-1", NOW_MS, live_gateways, records, {}, frozenset())


def test_a_time_is_shown_in_utc_to_the_second() -> None:
    assert rfc3339(NOW_MS) == "2026-01-01T00:00:00Z"
    assert rfc3339(NOW_MS + 5999) == "2026-01-01T00:00:05Z"


def test_a_record_has_exactly_the_members_of_the_contract_in_its_order() -> None:
    described = describe_record(record(lapses_in_ms=20_000))
    assert list(described.items()) == [
        ("id", "a"),
        ("name", "price_service"),
        ("host", "localhost"),
        ("port", 8002),
        ("scheme", "http"),
        ("url", "http://localhost:8002"),
        ("health_check_url", "http://localhost:8002/health"),
        ("status", "healthy"),
        ("version", "1.0.0"),
        ("weight", 1),
        ("metadata", {}),
        ("registered_at", "2026-01-01T00:00:00Z"),
        ("last_heartbeat", "2026-01-01T00:00:05Z"),
    ]


def test_a_draining_instance_is_shown_as_draining_whatever_its_probes_say() -> None:
    assert describe_record(record(draining=True))["status"] == "draining"


def test_a_service_counts_its_healthy_instances_and_all_of_them() -> None:
    instances = [
        describe_record(record("price_service/a")),
        describe_record(record("price_service/b", draining=True)),
        describe_record(record("price_service/c", status="starting")),
    ]
    described = describe_service("price_service", instances)
    assert list(described) == ["name", "route", "healthy", "total", "instances"]
    assert (described["healthy"], described["total"]) == (1, 3)


def test_services_are_listed_by_name_without_what_has_lapsed() -> None:
    listed = describe_snapshot(
        snapshot(
            record("price_service/a"),
            record("orders_service/a"),
            record("price_service/b", lapses_in_ms=0),
            record("gone_service/a", lapses_in_ms=-1),
        )
    )
    assert [(service["name"], service["total"]) for service in listed] == [
        ("orders_service", 1),
        ("price_service", 1),
    ]
