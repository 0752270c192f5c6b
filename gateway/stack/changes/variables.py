"""Which environment variable concerns which process of the stack, and how to show it."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache

from pydantic import TypeAdapter

from discovery.model.settings import VARIABLES, without_password
from gateway.config.values import value_read
from gateway.config.variables import variable_defaults
from gateway.stack.plan import GATEWAY, REGISTRY, SERVICE_PORTS

#: Variables that the example services read beside the registry's.
SERVICE_DEFAULTS = {
    "SERVICE_HOST": "127.0.0.1",
    "SERVICE_PORT": "",
    "ADVERTISE_HOST": "localhost",
    "ADVERTISE_OWN_ADDRESS": "false",
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "json",
    "SHUTDOWN_GRACE": "10",
}
#: Variables that only one of them reads.
OWN_DEFAULTS = {"market_data_service": {"MARKET_DATA_FILE": ""}}
#: Read by `make up` and `lockgate`, not by a process of the stack.
COMMAND_VARIABLES = frozenset({"PORT_OFFSET", "SCALE", "SERVICES"})
#: Each process has a port that is its own, moved by PORT_OFFSET.
_NOT_PASSED_ON = frozenset({"SERVICE_PORT"})
_SECRETS = frozenset({"ADMIN_TOKEN"})
_TRUTH = TypeAdapter(bool)


@cache
def defaults_of(service: str) -> Mapping[str, str]:
    """Every variable that a process of the service reads, with its default; empty: no default."""
    if service == REGISTRY:
        return {}
    gateway = variable_defaults()
    if service == GATEWAY:
        return gateway
    shared = {variable: gateway[variable] for variable in VARIABLES.values()}
    return shared | SERVICE_DEFAULTS | OWN_DEFAULTS.get(service, {})


@cache
def process_variables() -> frozenset[str]:
    """Every variable that any process of the stack reads."""
    return frozenset().union(*(defaults_of(service) for service in (GATEWAY, *SERVICE_PORTS)))


def known_variables() -> frozenset[str]:
    return process_variables() | COMMAND_VARIABLES


def settings_for(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment for a process of the service; an empty one counts as unset."""
    return {
        variable: environ[variable]
        for variable in defaults_of(service)
        if environ.get(variable) and variable not in _NOT_PASSED_ON
    }


def is_same(variable: str, one: str, other: str) -> bool:
    """Whether a process reads the same value from both texts."""
    return one == other or _read(variable, one) == _read(variable, other)


def _read(variable: str, text: str) -> object:
    """The value; the services' own variables are not gateway settings, and one is a truth value."""
    if variable == "ADVERTISE_OWN_ADDRESS":
        with suppress(ValueError):
            return _TRUTH.validate_python(text)
    return value_read(variable, text)


def shown(variable: str, value: str) -> str:
    """The value without secrets, so that it can be printed."""
    if variable in _SECRETS and value:
        return "(not shown)"
    return without_password(value) if variable == "REDIS_URL" else value
