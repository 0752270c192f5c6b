"""What `outliers` and `breaker` of a service become, and how they are told."""

import pytest

from discovery.base.steps import at_once
from gateway.config.compiled.describing import configured_routes
from gateway.config.settings import load_settings
from middlewares.routing.policy import Breaker, Outliers, RoutePolicy
from tests.unit.gateway.config.compiled.test_describing import compiled, policies

FILE = "services: {a: {OF_SERVICE}}\nroutes: [{name: r, match: {}, service: a}]"


def policy_of(of_service: str) -> RoutePolicy:
    found = compiled(FILE.replace("OF_SERVICE", of_service), load_settings({}))
    return found.policies["a"]


@pytest.mark.parametrize(
    ("told", "outliers"),
    [
        ("", None),
        ("outliers: null", None),
        ("outliers: {}", Outliers()),
        (
            "outliers: {failures: 0, rate: 0.1, latency: 3, eject: 1m, most: 1}",
            Outliers(0, 0.1, 3.0, 60.0, 1.0),
        ),
    ],
)
def test_outliers(told: str, outliers: Outliers | None) -> None:
    policy = policy_of(told)

    assert policy.outliers == outliers
    assert policy.is_watched is (outliers is not None)


@pytest.mark.parametrize(
    ("told", "breaker"),
    [
        ("", None),
        ("breaker: null", None),
        ("breaker: {}", Breaker()),
        ("breaker: {open_for: 500ms}", Breaker(0.5)),
    ],
)
def test_a_breaker(told: str, breaker: Breaker | None) -> None:
    policy = policy_of(told)

    assert policy.breaker == breaker
    assert policy.is_watched is (breaker is not None)


def test_they_are_told_with_the_route_in_words() -> None:
    settings = load_settings({})
    text = FILE.replace("OF_SERVICE", "outliers: {}, breaker: {}")
    (route,) = at_once(configured_routes(compiled(text, settings), settings))

    told = policies(route)

    assert told["outliers"] == (
        "5 failures in a row or 50% failures or 5 times as late: out for 5 s times n, 50% of them at most",
        "services.a",
    )
    assert told["breaker"] == ("open for 5 s", "services.a")


def test_all_switched_off_is_no_reason() -> None:
    settings = load_settings({})
    text = FILE.replace("OF_SERVICE", "outliers: {failures: 0, rate: 0, latency: 0}")
    (route,) = at_once(configured_routes(compiled(text, settings), settings))

    assert policies(route)["outliers"] == ("no reason", "services.a")
