"""The model of one registry: what a system costs it, and what ends first."""

from dataclasses import replace

import pytest

from bench.carries.bounds import WORKED, ends, first
from bench.carries.costs import Costs
from bench.carries.costs import load as load_costs
from bench.carries.model import load
from bench.carries.system import System, calls_of

CHANGES = ("register", "verdict", "drain", "deregister")
COSTS = Costs(
    cpu_us={
        "limits": {"call": 20, "ask": 10, "wake": 30},
        "heartbeats": {"call": 20, "heartbeat": 7, "wake": 30},
        "sweeps": {"call": 70},
        "idle": {"second": 30},
        "changes": {
            **dict.fromkeys(CHANGES, 100),
            **{f"{one}, a follower": 16 for one in CHANGES},
            "same verdict": 70,
            "acknowledge": 60,
            "drained": 60,
        },
        "snapshots": {"call": 100, "instance": 4},
    },
    bytes_in={name: {"call": 600} for name in ("limits", "heartbeats", "sweeps", "snapshots")}
    | {"idle": {"second": 170}, "changes": dict.fromkeys(CHANGES, 700)},
    bytes_out={"limits": {"ask": 20}, "heartbeats": {}, "sweeps": {}, "idle": {}}
    | {"changes": {f"{one}, a follower": 200 for one in CHANGES}, "snapshots": {"instance": 250}},
    memory={
        "instance": 600,
        "events": 900_000,
        "follower": 18_000,
        "client": 175,
        "further ask": 20,
    },
    way_us=100,
    about="a test",
)
REST = System(requests_s=0, instances=1, heartbeat_s=1e9, restarts_s=0, network_ms=0.1)


def cpu_of(system: System, why: str) -> float:
    return {one.why: one.cpu for one in load(system, COSTS).shares}[why]


def test_a_decision_at_rest_takes_the_way_and_the_work() -> None:
    loaded = load(replace(REST, requests_s=1), COSTS)

    assert loaded.batch == pytest.approx(1, abs=0.01)
    assert loaded.decision_ms == pytest.approx(0.13, abs=0.001)


def test_work_that_grows_makes_calls_larger_and_never_more_than_a_core() -> None:
    busy = [load(replace(REST, requests_s=n, workers=16), COSTS) for n in (1e3, 2e4, 5e4, 9e4)]

    assert [one.batch for one in busy] == sorted(one.batch for one in busy)
    assert [one.decision_ms for one in busy] == sorted(one.decision_ms for one in busy)
    assert all(one.cpu < 1 for one in busy)
    assert busy[-1].batch > 5


def test_decisions_that_need_more_than_a_core_take_for_ever() -> None:
    assert load(replace(REST, requests_s=101_000), COSTS).decision_ms > 10_000


def test_with_calls_one_after_another_each_waits_for_those_of_all_other_workers() -> None:
    """A registry that always works answers each worker in turn: a decision takes a whole turn."""
    system = replace(REST, requests_s=90_000, workers=100)
    loaded = load(system, COSTS)

    limits = next(one for one in loaded.shares if one.why == "limits")
    # It waits for half of the call before its own, too.
    assert loaded.decision_ms == pytest.approx(1.5 * 100 / limits.calls_s * 1000, rel=0.05)
    # Asks take 90 %, and the leases of the workers 2: the other 8 are for the limiter's calls.
    assert limits.calls_s == pytest.approx(0.08 / 20e-6, rel=0.15)


def test_heartbeats_together_cost_less_than_each_alone() -> None:
    alone = replace(REST, instances=10_000, heartbeat_s=5)

    assert cpu_of(alone, "heartbeats") == pytest.approx(2_000 * 27e-6)
    together = cpu_of(replace(alone, heartbeats_per_call=100), "heartbeats")
    assert together == pytest.approx(20 * 720e-6)


def test_a_change_costs_each_follower() -> None:
    few = cpu_of(replace(REST, restarts_s=1, gateways=1, workers=1), "changes")
    many = cpu_of(replace(REST, restarts_s=1, gateways=10, workers=8), "changes")

    assert few == pytest.approx((4 * 116 + 60 + 4 * 60) * 1e-6)
    # Four changes are read by all, all acknowledge the drain, and nine gateways say the same verdict.
    assert many == pytest.approx((4 * 100 + 80 * 4 * 16 + 80 * 60 + 9 * 70 + 4 * 60) * 1e-6)


def test_a_registry_that_returns_is_read_by_all_workers() -> None:
    loaded = load(
        replace(REST, instances=10_000, gateways=10, workers=8, link_mbit_s=10_000), COSTS
    )

    assert loaded.snapshot_ms == pytest.approx(40.1)
    assert loaded.all_again_s == pytest.approx(80 * 0.0401)
    # They take their time, so that others are answered meanwhile.
    assert loaded.all_back_s == pytest.approx(7.9)


def test_a_slow_link_makes_reading_everything_slower() -> None:
    loaded = load(replace(REST, instances=10_000, gateways=10, link_mbit_s=100), COSTS)

    assert loaded.all_again_s == pytest.approx(10 * 10_000 * 250 * 8 / 100e6)


@pytest.mark.parametrize(
    ("system", "what"),
    [
        (replace(REST, requests_s=200_000), "CPU: a decision"),
        (replace(REST, restarts_s=1_000), "CPU: more than"),
        (replace(REST, instances=30_000), "stall"),
        (replace(REST, instances=10_000, gateways=50, workers=8), "return"),
        (replace(REST, restarts_s=10, gateways=20, workers=8, link_mbit_s=1), "network"),
        (replace(REST, clients=20_000_000), "memory"),
    ],
)
def test_each_bound_may_be_the_first(system: System, what: str) -> None:
    bound, share = first(system, load(system, COSTS))

    assert bound.what.startswith(what)
    assert share > 1


def test_a_number_ends_where_the_bound_is_reached() -> None:
    end = ends(replace(REST, instances=100), COSTS, "instances")

    assert end.bound is not None
    assert end.bound.what.startswith("stall")
    # 100 ms at 4 µs an instance, and 0.1 ms for the call.
    assert end.value == pytest.approx(24_975, abs=2)


def test_a_system_beyond_a_bound_ends_where_it_is() -> None:
    end = ends(replace(REST, instances=50_000), COSTS, "gateways")

    assert (end.value, end.grows) == (1, False)


def test_every_kind_of_call_has_its_measured_costs() -> None:
    """A part that was not measured would cost nothing, and nobody would notice."""
    measured = load_costs()
    for one in calls_of(replace(WORKED["50-gateways"], restarts_s=1)):
        cpu_us, into, _ = measured.of(one.family, one.parts)
        assert cpu_us > 5
        assert into > 100
    assert measured.of("limits", {"call": 1, "ask": 1})[0] > 5


@pytest.mark.parametrize("name", list(WORKED))
def test_the_worked_systems_have_an_answer(name: str) -> None:
    loaded = load(WORKED[name], load_costs())

    assert loaded.memory_mib > 0
    assert {one.why for one in loaded.shares} >= {"limits", "heartbeats", "changes"}
