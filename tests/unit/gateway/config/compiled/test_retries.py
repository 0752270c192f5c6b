"""A service's plan for repeats, as the hop gets it and as people see it."""

import pytest

from discovery.base.steps import at_once
from gateway.config.compiled.compiling import Compiled
from gateway.config.compiled.describing import configured_routes
from gateway.config.file.differences import differences
from gateway.config.settings import GatewaySettings
from middlewares.routing.policy import Deadlines, Retries
from tests.unit.gateway.config.compiled.test_describing import compiled, policies

FILE = """
    services: {{shop: {{retries: {}}}}}
    defaults: {{timeouts: {{connect: 1s, head: 10s}}}}
    routes:
      - {{name: a, match: {{prefix: /a}}, service: shop}}
      - {{name: b, match: {{prefix: /b}}, service: other}}
"""
DEFAULTS = Retries(3, frozenset(["connect", "reset", 502, 503]), per_try_s=0.0, budget=0.2)


def made(text: str) -> Compiled:
    return compiled(FILE.format(text), GatewaySettings())


@pytest.mark.parametrize(
    ("text", "retries"),
    [
        ("{}", DEFAULTS),
        ("{attempts: 3, on: [503, 502, reset, connect], per_try: 0, budget: 0.2}", DEFAULTS),
        ("null", Retries()),
        (
            "{attempts: 1, on: [timeout], per_try: 2s, budget: 1}",
            Retries(1, frozenset(["timeout"]), per_try_s=2.0, budget=1.0),
        ),
    ],
)
def test_what_is_left_out_has_its_default_and_null_is_as_without(
    text: str, retries: Retries
) -> None:
    of_file = made(text)
    assert of_file.policies["shop"].retries == retries
    assert of_file.policy.retries == Retries()


def test_an_attempt_has_the_shorter_of_both_times() -> None:
    assert made("{per_try: 2s}").policies["shop"].deadlines == Deadlines(1.0, 2.0, 300.0)
    assert made("{}").policies["shop"].deadlines == Deadlines(1.0, 10.0, 300.0)
    assert made("{per_try: 0}").policies["shop"].deadlines == Deadlines(1.0, 10.0, 300.0)
    assert made("{per_try: 1h}").policies["shop"].deadlines == Deadlines(1.0, 10.0, 300.0)


def test_a_plan_is_told_with_its_service_and_nothing_without_one() -> None:
    told = at_once(configured_routes(made("{on: [503, connect]}"), GatewaySettings()))
    of_routes = {one["route"]: policies(one) for one in told}
    assert {key: row for key, row in of_routes["a"].items() if key.startswith("retries")} == {
        "retries.attempts": (3, "services.shop"),
        "retries.on": (["connect", 503], "services.shop"),
        "retries.per_try": (0.0, "services.shop"),
        "retries.budget": (0.2, "services.shop"),
    }
    assert not any(key.startswith("retries") for key in of_routes["b"])


def test_a_change_is_told_key_by_key() -> None:
    before, after = made("{attempts: 3, per_try: 500ms}"), made("{attempts: 2, budget: 0.1}")
    assert at_once(differences(before.configuration, after.configuration)) == [
        "service shop: retries.attempts: 3 → 2",
        "service shop: retries.per_try: 0.5s → left out",
        "service shop: retries.budget: left out → 0.1",
    ]
