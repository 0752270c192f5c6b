"""Which instances a look-up of the Python API finds, and in which order."""

import random
from collections import Counter

import pytest

from discovery.client.choosing import drawn, found
from discovery.model.answers import Record, Snapshot
from discovery.model.instance import parse_registration

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def record(
    key: str = "s/a",
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


@pytest.mark.parametrize(
    "unfit",
    [
        record("s/x", status="unhealthy"),
        record("s/x", status="starting"),
        record("s/x", draining=True),
        record("s/x", lapses_in_ms=0),
        record("s/x", weight=0),
    ],
)
def test_only_a_healthy_registered_instance_with_weight_is_usable(unfit: Record) -> None:
    fit = record("s/y")
    assert found("s", snapshot(unfit, fit)) == [fit]


def test_where_no_gateway_lives_a_heartbeat_is_evidence_enough() -> None:
    """Without a gateway nobody probes, so every instance would be `starting` for ever."""
    starting, unhealthy = record("s/x", status="starting"), record("s/y", status="unhealthy")
    assert found("s", snapshot(starting, unhealthy, live_gateways=0)) == [starting]


def test_of_nothing_nothing_is_drawn() -> None:
    assert drawn([], random.Random(1)) == []


def test_instances_are_drawn_by_weight_and_each_once() -> None:
    records = [record("s/light", weight=1), record("s/heavy", weight=9)]
    rng = random.Random(7)
    draws = [[one.instance.id for one in drawn(records, rng)] for _ in range(2000)]
    assert all(sorted(draw) == ["heavy", "light"] for draw in draws)
    assert 130 < Counter(draw[0] for draw in draws)["light"] < 270
