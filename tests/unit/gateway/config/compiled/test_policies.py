"""What limits of the file become beside variables of the environment."""

import pytest

from gateway.config.settings import load_settings
from middlewares.limits.deciding import Policy
from tests.unit.gateway.config.compiled.test_describing import compiled

FILE = """
    limits: {default: {requests: 5, window: 60s, counts: [401]}}
    routes: [{name: r, match: {}, respond: {}, limits: [default]}]
"""


@pytest.mark.parametrize(("requests", "limits"), [("0", []), ("7", [(7, {401})])])
def test_the_environment_may_switch_off_a_limit_that_counts_answers(
    requests: str, limits: list[tuple[int, set[int]]]
) -> None:
    """The gateway did not start."""
    found = compiled(FILE, load_settings({"RATE_LIMIT_REQUESTS": requests})).limits

    def of(limit: Policy) -> tuple[int, set[int]]:
        return limit.requests, set(limit.counts)

    assert [of(one) for one in found] == limits
