"""What is held is settled when the exchange ends, by the costs that were read until then."""

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry

from middlewares.costs.deciding import Reading, Why
from middlewares.exchange import Attempt
from middlewares.limits.deciding import Check, Held, Policy
from middlewares.limits.holding import Holding, may_have_cost
from middlewares.telemetry.metrics import GatewayMetrics

TOKENS = Policy("tokens", 0, 60_000_000, budget=100, reserve=30)
IN_FLIGHT = Policy("in_flight", 0, 0, concurrent=5)


def ended(outcome: str) -> Attempt:
    return Attempt("i1", 0.0, outcome)


async def refuses(_held: Held, _name: str, _units: int) -> bool:
    return False


def settled(
    attempts: list[Attempt], reading: Reading | None = None
) -> tuple[Mapping[str, int], GatewayMetrics]:
    told: list[Mapping[str, int]] = []
    metrics = GatewayMetrics(CollectorRegistry())
    held = Held([(Check(TOKENS, "c"), 30), (Check(IN_FLIGHT, "c"), 1)])
    holding = Holding(
        held, [TOKENS], attempts, lambda _held, spent: told.append(spent), refuses, metrics
    )
    if reading is not None:
        holding.reader_of(TOKENS)(reading)
    holding.release()
    (spent,) = told
    return spent, metrics


def counted(metrics: GatewayMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    ("reading", "charged"),
    [
        (Reading(Why.READ, 7), 7),
        (Reading(Why.READ, 0), 0),
        (Reading(Why.READ, 50), 50),
        (Reading(Why.BROKE_OFF, 7), 30),
        (Reading(Why.BROKE_OFF, 50), 50),
        (Reading(Why.ABSENT), 30),
        (None, 30),
    ],
)
def test_a_budget_is_charged_the_cost_or_what_was_reserved(
    reading: Reading | None, charged: int
) -> None:
    spent, metrics = settled([ended("answered")], reading)
    assert spent == {"tokens": charged}
    assert counted(metrics, "gateway_limit_spent_total", policy="tokens") == charged
    over = max(0, charged - 30)
    assert counted(metrics, "gateway_limit_overdraft_total", policy="tokens") == over
    if reading is None or reading.why is not Why.READ:
        why = "no_answer" if reading is None else reading.why.value
        name = "gateway_limit_costs_not_read_total"
        assert counted(metrics, name, policy="tokens", why=why) == 1


@pytest.mark.parametrize(
    ("outcomes", "may_have"),
    [
        ([], False),
        (["upstream_unreachable", "overloaded"], False),
        (["upstream_reset", "upstream_unreachable"], True),
        (["upstream_timeout"], True),
        (["pending"], True),
    ],
)
def test_a_request_without_an_answer_costs_nothing_if_no_instance_can_have_worked_on_it(
    outcomes: list[str], may_have: bool
) -> None:
    attempts = [ended(one) for one in outcomes]
    assert may_have_cost(attempts) is may_have
    spent, _ = settled(attempts)
    assert spent == {"tokens": 30 if may_have else 0}


async def test_more_is_reserved_while_a_stream_costs_more_and_until_there_is_no_room() -> None:
    asked: list[int] = []
    held = Held([(Check(TOKENS, "c"), 30)])

    async def extend(held: Held, _name: str, units: int) -> bool:
        asked.append(units)
        if len(asked) > 2:
            return False
        held.add(Check(TOKENS, "c"), units)
        return True

    spent: list[Mapping[str, int]] = []
    metrics = GatewayMetrics(CollectorRegistry())
    holding = Holding(
        held, [TOKENS], [ended("answered")], lambda _held, told: spent.append(told), extend, metrics
    )
    grew = holding.extender_of(TOKENS)
    for units in (10, 30, 31, 32, 60, 130, 200, 300):
        grew(units)
        if units != 31:  # the next event comes while this one is asked for
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert asked == [30, 70, 70]
    holding.reader_of(TOKENS)(Reading(Why.READ, 140))
    holding.release()
    assert spent == [{"tokens": 140}]
    assert counted(metrics, "gateway_limit_overdraft_total", policy="tokens") == 10
