"""What is said about a process that differs from what is asked for."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.stack.changes.differences import differences, summary
from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec

RUNNING = ProcessSpec(GATEWAY, GATEWAY, 8080, ("python",), {"GATEWAY_PORT": "8080"}, code="1.0.0 a")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {}, []),
        ({}, {"RATE_LIMIT_REQUESTS": "0"}, ["RATE_LIMIT_REQUESTS: 100 → 0"]),
        ({"RATE_LIMIT_REQUESTS": "0"}, {}, ["RATE_LIMIT_REQUESTS: 0 → 100, the default"]),
        (
            {"RATE_LIMIT_REQUESTS": "0"},
            {"RATE_LIMIT_REQUESTS": "5"},
            ["RATE_LIMIT_REQUESTS: 0 → 5"],
        ),
        # A default that is written out changes nothing.
        ({}, {"RATE_LIMIT_REQUESTS": "100", "RATE_LIMIT_WINDOW": "60"}, []),
        # Another spelling of the same value once restarted everything.
        ({}, {"LOG_LEVEL": "INFO", "LOG_FORMAT": "JSON", "RATE_LIMIT_WINDOW": "60.0"}, []),
        ({"HEALTH_RISE": "2"}, {"HEALTH_RISE": "02", "HEARTBEAT_INTERVAL": "5.0"}, []),
        ({"LOG_LEVEL": "WARN"}, {"LOG_LEVEL": "warning"}, []),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,::1"}, {"TRUSTED_PROXIES": "10.0.0.0/8, ::1"}, []),
        ({"CORS_ORIGINS": "https://a.example"}, {"CORS_ORIGINS": "HTTPS://A.example:443/"}, []),
        ({"REGISTRY_ALLOWED_HOSTS": "a, B"}, {"REGISTRY_ALLOWED_HOSTS": "b,a"}, []),
        # A value that the settings refuse equals only itself.
        ({"HEALTH_RISE": "two"}, {"HEALTH_RISE": "2"}, ["HEALTH_RISE: two → 2"]),
        ({"CORS_ORIGINS": "*"}, {}, ["CORS_ORIGINS: * → unset"]),
        (
            {"LOG_LEVEL": "debug"},
            {"HEALTH_FALL": "9"},
            ["HEALTH_FALL: 3 → 9", "LOG_LEVEL: debug → info, the default"],
        ),
    ],
)
def test_each_setting_that_differs_is_told_with_both_of_its_values(
    before: Mapping[str, str], now: Mapping[str, str], told: list[str]
) -> None:
    assert (
        differences(replace(RUNNING, environment=before), replace(RUNNING, environment=now)) == told
    )


def test_a_truth_value_of_a_service_is_compared_as_one() -> None:
    price = replace(RUNNING, service="price_service")
    asked = replace(price, environment={"ADVERTISE_OWN_ADDRESS": "true"})
    assert differences(replace(price, environment={"ADVERTISE_OWN_ADDRESS": "1"}), asked) == []
    assert "ADVERTISE_OWN_ADDRESS: false → true" in differences(price, asked)


def test_secrets_are_not_among_what_is_told() -> None:
    before = replace(RUNNING, environment={"REDIS_URL": "redis://:s3cret@h/0"})
    now = replace(
        RUNNING, environment={"REDIS_URL": "redis://:0ther@h/1", "ADMIN_TOKEN": "s3cret-too"}
    )
    told = differences(before, now)
    assert told == [
        "ADMIN_TOKEN: unset → (not shown)",
        "REDIS_URL: redis://:***@h/0 → redis://:***@h/1",
    ]


def test_another_version_is_told_and_so_is_other_code_of_the_same_version() -> None:
    assert differences(RUNNING, replace(RUNNING, code="1.1.0 b")) == ["Lockgate 1.0.0 → 1.1.0"]
    (told,) = differences(RUNNING, replace(RUNNING, code="1.0.0 b"))
    assert "code" in told
    (told,) = differences(replace(RUNNING, code=""), RUNNING)
    assert "earlier version" in told


def test_another_command_is_told() -> None:
    (told,) = differences(RUNNING, replace(RUNNING, command=("python3.13", "-m", "gateway")))
    assert "python3.13 -m gateway" in told


def test_the_registry_stays_as_it_is() -> None:
    registry = ProcessSpec(REGISTRY, REGISTRY, 6379, ("valkey-server",))
    assert differences(registry, registry) == []


def test_what_concerns_several_processes_is_told_once() -> None:
    found = {
        "a": ["LOG_LEVEL: info → debug"],
        "b": ["LOG_LEVEL: info → debug"],
        "c": [],
        "d": ["x"],
    }
    assert summary(found) == ["LOG_LEVEL: info → debug (a, b)", "x (d)"]
