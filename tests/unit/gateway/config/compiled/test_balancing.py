"""What a file says of balancing becomes a policy of each route to the service."""

import pytest

from gateway.config.settings import load_settings
from middlewares.routing.policy import Balance
from tests.unit.gateway.config.compiled.test_describing import compiled, policies, routes

FILE = """
    services: {{shop: {{balance: {}}}}}
    routes: [{{name: a, match: {{prefix: /a}}, service: shop}}, {{name: b, match: {{}}, service: other}}]
"""


@pytest.mark.parametrize(
    ("text", "balance", "words"),
    [
        ("{by: p2c}", Balance(), "p2c"),
        ("null", Balance(), "p2c"),
        ("{slow_start: 10s}", Balance(slow_start_s=10.0), "p2c, slow start 10 s"),
        ("{by: round_robin}", Balance("round_robin"), "round_robin"),
        (
            "{by: least_request, slow_start: 1m}",
            Balance("least_request", slow_start_s=60.0),
            "least_request, slow start 60 s",
        ),
        ("{by: {hash: client}}", Balance("hash"), "hash of client"),
        (
            "{by: {hash: {header: X-User}}}",
            Balance("hash", "header", b"x-user"),
            "hash of header x-user",
        ),
        ("{by: {hash: {cookie: Sid}}}", Balance("hash", "cookie", b"Sid"), "hash of cookie Sid"),
    ],
)
def test_each_way_is_a_policy_of_the_service_and_told_with_it(
    text: str, balance: Balance, words: str
) -> None:
    made = compiled(FILE.format(text), load_settings({}))
    assert made.policies["shop"].balance == balance
    assert made.policy.balance == Balance()
    told = routes(FILE.format(text))
    assert policies(told["a"])["balance"] == (words, "services.shop")
    assert "balance" not in policies(told["b"])


def test_only_another_balance_than_the_default_is_asked_for_on_the_hop() -> None:
    settings = load_settings({})
    assert compiled(FILE.format("{by: p2c}"), settings).policies["shop"].own_balance is None
    other = compiled(FILE.format("{slow_start: 1s}"), settings).policies["shop"]
    assert other.own_balance == Balance(slow_start_s=1.0)
