"""Which process reads which variable: the stack's table, compared with the settings."""

import pytest

from discovery.model.settings import VARIABLES
from gateway.stack.changes.variables import defaults_of, is_same, settings_for, shown
from gateway.stack.plan import GATEWAY, REGISTRY, SERVICE_PORTS
from services.catalogue import MODULES, find

REGISTRY_VARIABLES = set(VARIABLES.values())


def test_the_stack_runs_the_services_that_there_are() -> None:
    assert set(SERVICE_PORTS) == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_service_is_given_all_that_its_settings_read_and_no_more(name: str) -> None:
    service = find(name)
    assert service is not None
    read = {field.upper() for field in service.settings.model_fields} | REGISTRY_VARIABLES

    assert set(defaults_of(name)) == read


@pytest.mark.parametrize("name", MODULES)
def test_the_defaults_that_are_told_are_those_of_the_settings(name: str) -> None:
    service = find(name)
    assert service is not None
    defaults = {
        variable: value
        for variable, value in defaults_of(name).items()
        if value and variable not in REGISTRY_VARIABLES
    }
    fields = service.settings.model_fields

    for variable, value in defaults.items():
        assert is_same(variable, value, f"{fields[variable.lower()].default}"), variable


def test_the_registry_reads_none() -> None:
    assert defaults_of(REGISTRY) == {}


def test_a_process_gets_what_is_its_own_of_an_environment() -> None:
    environ = {
        "PATH": "/bin",
        "RATE_LIMIT_REQUESTS": "0",
        "LOG_LEVEL": "debug",
        "MARKET_DATA_FILE": "a.csv",
        "SERVICE_PORT": "9",
        "CORS_ORIGINS": "",
    }

    assert settings_for(GATEWAY, environ) == {"RATE_LIMIT_REQUESTS": "0", "LOG_LEVEL": "debug"}
    assert settings_for("price_service", environ) == {"LOG_LEVEL": "debug"}
    assert settings_for("market_data_service", environ) == {
        "LOG_LEVEL": "debug",
        "MARKET_DATA_FILE": "a.csv",
    }


def test_no_secret_is_shown() -> None:
    assert "s3cret" not in shown("ADMIN_TOKEN", "s3cret-and-long-enough")
    assert "s3cret" not in shown("REDIS_URL", "redis://:s3cret@localhost/0")
    assert shown("RATE_LIMIT_REQUESTS", "5") == "5"
