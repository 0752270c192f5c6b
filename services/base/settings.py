"""Settings of every service, read from the environment and checked."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from discovery.model.errors import InvalidRegistration, SettingsError
from discovery.model.instance import parse_registration
from middlewares.telemetry.log_levels import (
    LEVELS_IN_WORDS,
    Level,
    Style,
    in_lower_case,
)
from services.base.validation import expectation, first_of


def _advertisable(host: str) -> str:
    try:
        parse_registration("service", "instance", {"host": host, "port": 1})
    except InvalidRegistration:
        raise ValueError("must be a host name or an address") from None
    return host


#: A field's description is the end of the sentence that refuses a bad value.
Port = Annotated[
    int,
    Field(ge=1, le=65535, description="must be a port from 1 to 65535"),
]


class ServiceSettings(BaseSettings):
    """Each field is the environment variable of its name in capitals; each service sets its port."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    service_host: str = Field(
        default="127.0.0.1",
        description="must be an address to listen on",
    )
    service_port: Port = Field(default=...)
    advertise_host: Annotated[str, AfterValidator(_advertisable)] = Field(default="localhost")
    advertise_own_address: bool = Field(
        default=False,
        description="must be 1 or 0",
    )
    log_level: Annotated[Level, BeforeValidator(in_lower_case)] = Field(
        default="info",
        description=LEVELS_IN_WORDS,
    )
    log_format: Annotated[Style, BeforeValidator(in_lower_case)] = Field(
        default="json", description="must be json or console"
    )
    shutdown_grace: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="must be 0 to 3600 seconds",
    )


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def settings_from_environment(kind: type[SettingsT]) -> SettingsT:
    """The settings in the environment; raises SettingsError with one line if one is bad."""
    try:
        return kind()
    except ValidationError as error:
        finding = first_of(error)
        field = str(finding["loc"][0])
        allowed = expectation(finding)
        if "error" not in finding.get("ctx", {}):
            allowed = kind.model_fields[field].description or allowed
        raise SettingsError(f"{field.upper()}={finding['input']!r}: {allowed}") from None
