"""The gateway's settings from the environment, and the one line for each bad value."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from discovery.model.errors import SettingsError
from discovery.model.settings import VARIABLES, RegistrySettings
from gateway.config.settings import GatewaySettings, load_settings
from gateway.config.variables import gateway_variables, variable_defaults
from middlewares.limits.deciding import Policy
from middlewares.routing.policy import Timeouts


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    said = str(refused.value)
    assert "\n" not in said
    return said


def limits_of(settings: GatewaySettings) -> list[dict[str, Any]]:
    return [asdict(limit) for limit in settings.route_policy.limits]


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = load_settings({})
    assert (settings.gateway_host, settings.gateway_port) == ("127.0.0.1", 8080)
    assert settings.gateway_workers == 1
    assert limits_of(settings) == [asdict(Policy("default", 100, 60_000_000))]
    assert settings.route_policy.timeouts == Timeouts()
    assert (settings.health_check_interval, settings.health_check_timeout) == (5, 2)
    assert (settings.health_fall, settings.health_rise) == (3, 2)
    assert settings.unhealthy_remove_after == 60
    assert (settings.upstream_connect_timeout, settings.upstream_timeout) == (2, 30)
    assert (settings.max_body_bytes, settings.max_request_head_bytes) == (0, 65536)
    assert (settings.client_body_timeout, settings.client_body_min_rate) == (60, 240)
    assert not settings.trusted.trusts("127.0.0.1")
    assert settings.cors_origins == ()
    assert settings.admin_token is None
    assert settings.admin_listen is None
    assert settings.shutdown_grace == 10
    assert (settings.log_level, settings.log_format) == ("info", "json")
    assert settings.registry == RegistrySettings()


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "::1", "fe80::1%eth0", "localhost", "api_gateway"]
)
def test_any_address_or_name_can_be_listened_on(host: str) -> None:
    assert load_settings({"GATEWAY_HOST": host}).gateway_host == host


def test_every_variable_is_known_by_its_default() -> None:
    defaults = variable_defaults()

    assert load_settings(defaults) == load_settings({})
    unset = {
        name for name, field in GatewaySettings.model_fields.items() if field.default in (None, ())
    }
    assert {name.lower() for name, default in defaults.items() if not default} == {
        *unset,
        "registry_allowed_hosts",
        "trusted_proxies",
        "gateway_config",
    }
    assert (defaults["RATE_LIMIT_REQUESTS"], defaults["RATE_LIMIT_WINDOW"]) == ("100", "60")
    assert (defaults["HEARTBEAT_INTERVAL"], defaults["ADMIN_LISTEN"]) == ("5", "")


def test_every_variable_has_a_meaning() -> None:
    fields = {name.upper() for name in GatewaySettings.model_fields} - {"REGISTRY"}
    variables = gateway_variables()
    assert set(variables) == fields | set(VARIABLES.values())
    assert all(variable.meaning for variable in variables.values())


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    names = [name.upper() for name in GatewaySettings.model_fields]
    assert load_settings(dict.fromkeys(names, "")) == load_settings({})


def test_level_and_format_of_the_log_are_read_in_any_case() -> None:
    for value, level in (("INFO", "info"), ("WARN", "warning"), ("Warning", "warning")):
        settings = load_settings({"LOG_LEVEL": value, "LOG_FORMAT": "Console"})
        assert (settings.log_level, settings.log_format) == (level, "console")


def test_each_variable_is_read() -> None:
    settings = load_settings(
        {
            "GATEWAY_HOST": "0.0.0.0",
            "GATEWAY_PORT": "28080",
            "RATE_LIMIT_REQUESTS": "5",
            "RATE_LIMIT_WINDOW": "0.5",
            "REGISTRY_ALLOWED_HOSTS": "10.0.0.0/8,price",
            "TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
            "CORS_ORIGINS": "https://a.example, http://localhost:3000/",
            "ADMIN_TOKEN": "t" * 16,
            "ADMIN_LISTEN": "127.0.0.1:9000",
            "LOG_FORMAT": "console",
            "REDIS_URL": "redis://r:1/2",
            "INSTANCE_TTL": "30",
        }
    )
    assert (settings.gateway_host, settings.gateway_port) == ("0.0.0.0", 28080)
    assert limits_of(settings) == [asdict(Policy("default", 5, 500_000))]
    assert settings.allowed_hosts.names == {"price"}
    assert settings.trusted.trusts("10.1.1.1")
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
    assert settings.admin_token == "t" * 16
    assert settings.admin_listen == "127.0.0.1:9000"
    assert settings.log_format == "console"
    assert settings.registry == RegistrySettings("redis://r:1/2", instance_ttl_s=30)


def test_nothing_is_read_from_elsewhere_than_the_environment_that_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BaseSettings takes missing values from the process's own environment, so a developer with
    GATEWAY_PORT set would get other settings in tests than everybody else."""
    monkeypatch.setenv("GATEWAY_PORT", "12345")
    assert load_settings({}).gateway_port == 8080


def test_settings_are_frozen() -> None:
    settings = load_settings({})
    with pytest.raises(ValidationError):
        settings.gateway_port = 1


# Bad values

BAD = [
    ("GATEWAY_HOST", "not a host"),
    ("GATEWAY_HOST", "127.1"),
    ("GATEWAY_PORT", "x"),
    ("GATEWAY_PORT", "-1"),
    ("GATEWAY_PORT", "65536"),
    ("GATEWAY_WORKERS", "0"),
    ("RATE_LIMIT_REQUESTS", "-1"),
    ("RATE_LIMIT_REQUESTS", "1.5"),
    ("RATE_LIMIT_WINDOW", "0"),
    ("RATE_LIMIT_WINDOW", "nan"),
    ("RATE_LIMIT_WINDOW", "1 minute"),
    ("HEALTH_CHECK_INTERVAL", "0"),
    ("HEALTH_CHECK_TIMEOUT", "-1"),
    ("HEALTH_FALL", "0"),
    ("HEALTH_RISE", "0"),
    ("UNHEALTHY_REMOVE_AFTER", "-1"),
    ("UPSTREAM_CONNECT_TIMEOUT", "0"),
    ("UPSTREAM_TIMEOUT", "inf"),
    ("MAX_BODY_BYTES", "-1"),
    ("MAX_BODY_BYTES", "1k"),
    ("SHUTDOWN_GRACE", "-1"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
    ("TRUSTED_PROXIES", "proxy"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ("ADMIN_LISTEN", "9000"),
    ("ADMIN_LISTEN", "h:0"),
    ("ADMIN_LISTEN", "h:65536"),
    ("ADMIN_LISTEN", "unix:"),
    ("ADMIN_LISTEN", "unix:/"),
    ("REGISTRY_ALLOWED_HOSTS", "10.0.0.1/8"),
    ("REDIS_URL", "http://h"),
    ("REGISTRY_NAMESPACE", "a b"),
    ("HEARTBEAT_INTERVAL", "x"),
]


@pytest.mark.parametrize(("variable", "value"), BAD)
def test_a_bad_value_gets_one_line_with_the_variable_and_the_value(
    variable: str, value: str
) -> None:
    assert refusal(**{variable: value}).startswith(f"{variable}={value!r}: ")


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("GATEWAY_HOST", "not a host", "must be an address of this machine, or its name"),
        ("GATEWAY_PORT", "65536", "less than or equal to 65535"),
        ("GATEWAY_PORT", "x", "valid integer"),
        ("GATEWAY_WORKERS", "many", "or auto"),
        ("RATE_LIMIT_WINDOW", "0", "greater than or equal to 0.1"),
        ("UPSTREAM_TIMEOUT", "0", "greater than 0"),
        ("LOG_LEVEL", "loud", "must be debug, info, warning (or warn), error or critical"),
        ("LOG_FORMAT", "xml", "'json' or 'console'"),
        ("ADMIN_LISTEN", "9000", "must be host:port or unix:/path"),
        ("TRUSTED_PROXIES", "proxy", "IPv4 or IPv6 network"),
        ("TRUSTED_PROXIES", "*", "list your proxies' addresses or CIDRs, 10.0.0.0/8"),
        ("CORS_ORIGINS", "*.example.com", "no wildcard is allowed inside"),
        ("CORS_ORIGINS", "https://a.example https://b.example", "put a comma between two"),
        ("GATEWAY_HOST", "*", "0.0.0.0 is all of them"),
        ("REDIS_URL", "http://h", "must be redis://host:port/db"),
        ("HEARTBEAT_INTERVAL", "x", "must be a number of seconds"),
    ],
)
def test_the_line_says_what_is_allowed(variable: str, value: str, allowed: str) -> None:
    assert allowed in refusal(**{variable: value})


@pytest.mark.parametrize("value", ["a.example", "https://", "https://a.example/x", "*.example"])
def test_what_is_no_origin_is_named_with_an_example(value: str) -> None:
    said = refusal(CORS_ORIGINS=f"https://ok.example,{value}")
    assert said.startswith("CORS_ORIGINS=")
    assert f"{value!r} is not an origin such as https://app.example.com, or *" in said


def test_any_origin_may_be_allowed() -> None:
    assert load_settings({"CORS_ORIGINS": "*"}).cors_origins == ("*",)


def test_no_requests_means_no_limit_and_port_nothing_means_any() -> None:
    settings = load_settings({"RATE_LIMIT_REQUESTS": "0", "GATEWAY_PORT": "0"})
    assert (limits_of(settings), settings.gateway_port) == ([], 0)


@pytest.mark.parametrize("auto", ["auto", " AUTO "])
def test_as_many_workers_as_usable_cores_are_started_where_it_is_left_to_the_gateway(
    auto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.config.settings.usable_cores", lambda: 7)
    assert load_settings({"GATEWAY_WORKERS": auto}).gateway_workers == 7


def test_the_timeouts_of_routes_are_those_of_the_environment() -> None:
    settings = load_settings(
        {
            "UPSTREAM_CONNECT_TIMEOUT": "1",
            "UPSTREAM_TIMEOUT": "2",
            "UPSTREAM_IDLE_TIMEOUT": "0",
            "UPSTREAM_TOTAL_TIMEOUT": "4",
        }
    )
    assert settings.route_policy.timeouts == Timeouts(1, 2, 0, 4)


# The admin token


def test_a_token_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-from-the-file\n")
    file.chmod(0o600)
    assert load_settings({"ADMIN_TOKEN_FILE": str(file)}).admin_token == "a-token-from-the-file"


def test_a_token_that_is_given_comes_before_the_file(tmp_path: Path) -> None:
    environ = {
        "ADMIN_TOKEN": "given-and-long-enough",
        "ADMIN_TOKEN_FILE": str(tmp_path / "missing"),
    }
    assert load_settings(environ).admin_token == "given-and-long-enough"


@pytest.mark.parametrize(
    "token",
    ["t" * 15, "t" * 16 + " ", " " + "t" * 16, "\t" + "t" * 16, "two words of a token", " " * 20],
)
def test_a_token_that_could_be_guessed_or_was_not_meant_stops_the_start(
    tmp_path: Path, token: str
) -> None:
    """A header's value has no white space around it, so such a token could never be sent."""
    file = tmp_path / "token"
    file.write_text(token)
    file.chmod(0o600)

    for said in (refusal(ADMIN_TOKEN=token), refusal(ADMIN_TOKEN_FILE=str(file))):
        assert "at least 16 characters and no white space" in said
        assert "openssl rand -hex 24" in said
        assert token not in said


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o640, 0o444, 0o666])
def test_a_token_file_that_others_can_read_stops_the_start(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("t" * 32)
    file.chmod(mode)
    link = tmp_path / "link"
    link.symlink_to(file)

    for path in (file, link):
        said = refusal(ADMIN_TOKEN_FILE=str(path))
        assert said.startswith(f"ADMIN_TOKEN_FILE={str(path)!r}: others can read it: ")
        assert f"chmod 600 {path}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_secret_that_is_mounted_for_our_group_is_read(tmp_path: Path) -> None:
    """With Kubernetes' fsGroup the file is root's, and the gateway runs as another user of its group."""
    file = tmp_path / "token"
    file.write_text("t" * 32)
    os.chown(file, 12345, os.getegid())
    file.chmod(0o440)
    assert load_settings({"ADMIN_TOKEN_FILE": str(file)}).admin_token == "t" * 32


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "can't be read"),
        (b"", "at least 16 characters"),
        (b" \n", "at least 16 characters"),
        (b"t" * 16 + b"\n\n", "no white space"),
        (b"\xff" * 16, "can't be read"),
    ],
)
def test_a_token_file_of_no_use_stops_the_start(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    said = refusal(ADMIN_TOKEN_FILE=str(file))
    assert said.startswith(f"ADMIN_TOKEN_FILE={str(file)!r}: ")
    assert why in said
