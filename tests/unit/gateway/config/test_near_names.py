"""Variables that were probably meant for Lockgate but that nobody reads."""

import pytest

from gateway.config.near_names import near_names
from gateway.config.variables import variable_defaults
from gateway.stack.changes.variables import known_variables

KNOWN = known_variables()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RATE_LIMIT", "RATE_LIMIT_REQUESTS"),
        ("RATELIMIT_REQUESTS", "RATE_LIMIT_REQUESTS"),
        ("LOCKGATE_PORT", "GATEWAY_PORT"),
        ("LOCKGATE_REDIS_URL", "REDIS_URL"),
        ("LOCKGATE_RATE_LIMIT", "RATE_LIMIT_REQUESTS"),
        ("GATEWAY_WORKER", "GATEWAY_WORKERS"),
        ("ADMIN_TOKENS", "ADMIN_TOKEN"),
        ("REDIS_URI", "REDIS_URL"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("MARKET_DATA_FILES", "MARKET_DATA_FILE"),
    ],
)
def test_a_name_that_is_nearly_ours_is_told_with_the_one_that_was_meant(
    name: str, meant: str
) -> None:
    assert near_names([name], KNOWN) == {name: meant}


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "SERVICE", "GATEWAY", "UPSTREAM", "REGISTRY", "HTTP_PROXY"),
        # CGI's variables, and those of Kubernetes for Services named gateway, registry and api.
        *("GATEWAY_INTERFACE", "GATEWAY_SERVICE_HOST", "GATEWAY_PORT_8080_TCP_ADDR"),
        *("REGISTRY_PORT", "API_SERVICE_PORT", "KUBERNETES_SERVICE_HOST"),
        # Another program's variables, with its prefix.
        *("MY_REDIS_URL", "CI_LOG_LEVEL", "REDIS_HOST", "LOG_FILE"),
        *("LOCKGATE_STACK", "LOCKGATE_PREFIX", "LOCKGATE_OPERATOR_PASSWORD"),
    ],
)
def test_names_of_other_programs_are_left_alone(name: str) -> None:
    assert near_names([name], KNOWN) == {}


def test_no_name_of_ours_is_taken_for_another() -> None:
    assert near_names(KNOWN, KNOWN) == {}
    assert near_names(KNOWN, variable_defaults()) == {}
