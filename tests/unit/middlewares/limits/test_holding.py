"""What is held is settled when the exchange ends, by the costs that were read until then."""

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


def settled(
    attempts: list[Attempt], reading: Reading | None = None
) -> tuple[Mapping[str, int], GatewayMetrics]:
    told: list[Mapping[str, int]] = []
    metrics = GatewayMetrics(CollectorRegistry())
    held = Held([(Check(TOKENS, "c"), 30), (Check(IN_FLIGHT, "c"), 1)])
    holding = Holding(held, [TOKENS], attempts, lambda _held, spent: told.append(spent), metrics)
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
