"""The gateway's settings: read from the environment in one place, checked, and frozen."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from discovery.model.addresses import AllowedHosts
from discovery.model.errors import InvalidRegistration, SettingsError
from discovery.model.instance import parse_registration
from discovery.model.settings import RegistrySettings
from gateway.config.acme_values import parse_email
from gateway.config.acme_variables import (
    AcmeVariables,
    acme_variables_of,
    directory_of,
    domains_of,
)
from gateway.config.origins import parse_origins
from gateway.config.tls_variables import TlsFiles, tls_files_of
from gateway.config.urls import check_url
from gateway.front.client_limits import ClientLimits
from gateway.guard.admin_token import check_token, read_token
from gateway.machine.cores import usable_cores
from gateway.upstream.limits import UpstreamLimits
from middlewares.clients.deciding import TrustedProxies
from middlewares.cors.deciding import CorsPolicy
from middlewares.limits.deciding import DEFAULT_POLICY, Policy
from middlewares.routing.policy import RoutePolicy, Timeouts
from middlewares.telemetry.correlation_ids import HEADER as CORRELATION_ID
from middlewares.telemetry.log_levels import (
    LEVELS_IN_WORDS,
    Level,
    Style,
    in_lower_case,
)

#: The fields of ours that pages may read with CORS_ORIGINS.
EXPOSED = (CORRELATION_ID, "RateLimit", "RateLimit-Policy", "Retry-After")


def _host(text: str) -> str:
    address = text.partition("%")[0] if ":" in text else text  # fe80::1%eth0
    try:
        parse_registration("gateway", "gateway", {"host": address, "port": 1})
    except InvalidRegistration:
        raise ValueError(
            "must be an address of this machine, or its name; 0.0.0.0 is all of them"
        ) from None
    return text


def _gateway_url(text: str | None) -> str | None:
    return check_url(text) if text else None


def _trusted_proxies(text: str) -> str:
    TrustedProxies.parse(text)
    return text


def _admin_token(token: str | None) -> str | None:
    return check_token(token) if token else None


def _admin_listen(text: str | None) -> str | None:
    if text is None or (text.startswith("unix:/") and len(text) > len("unix:/")):
        return text
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError("must be host:port or unix:/path")
    return text


def _origins(value: object) -> object:
    return parse_origins(value) if isinstance(value, str) else value


def _domains(value: object) -> object:
    return domains_of(value) if isinstance(value, str) else value


def _email(text: str | None) -> str | None:
    return parse_email(text) if text else None


Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
SecondsOrNever = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]


def _workers(value: Any) -> Any:
    return usable_cores() if str(value).strip().lower() == "auto" else value


class GatewaySettings(BaseSettings):
    """The allowed values of each variable (variables.py has the meanings); durations are seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    gateway_host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    gateway_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    gateway_url: Annotated[str | None, AfterValidator(_gateway_url)] = None
    gateway_config: Path | None = None
    recent_requests: Annotated[int, Field(ge=0, le=100_000)] = 1000
    gateway_workers: Annotated[int, BeforeValidator(_workers), Field(ge=1, le=256)] = 1
    registry_allowed_hosts: str = ""
    rate_limit_requests: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    rate_limit_window: Annotated[float, Field(ge=0.1, le=86400)] = 60
    health_check_interval: Annotated[float, Field(ge=0.05, le=3600)] = 5
    health_check_timeout: Annotated[float, Field(ge=0.05, le=3600)] = 2
    health_fall: Annotated[int, Field(ge=1, le=100)] = 3
    health_rise: Annotated[int, Field(ge=1, le=100)] = 2
    unhealthy_remove_after: Annotated[float, Field(ge=0, le=86400)] = 60
    upstream_connect_timeout: Seconds = 2
    upstream_timeout: Seconds = 30
    upstream_idle_timeout: SecondsOrNever = 300
    upstream_total_timeout: SecondsOrNever = 0
    upstream_connections: Annotated[int, Field(ge=0)] = 0
    upstream_connection_wait: Seconds = 1
    max_response_head_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    client_body_timeout: SecondsOrNever = 60
    client_body_min_rate: Annotated[int, Field(ge=0)] = 240
    client_send_timeout: SecondsOrNever = 60
    max_body_bytes: Annotated[int, Field(ge=0)] = 0
    max_request_head_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    trusted_proxies: Annotated[str, AfterValidator(_trusted_proxies)] = ""
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    admin_token: Annotated[str | None, AfterValidator(_admin_token)] = None
    admin_token_file: Path | None = None
    admin_listen: Annotated[str | None, AfterValidator(_admin_listen)] = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_client_ca_file: Path | None = None
    acme_domains: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_domains)] = ()
    acme_email: Annotated[str | None, AfterValidator(_email)] = None
    acme_directory: Annotated[str | None, AfterValidator(directory_of)] = None
    acme_ca_file: Path | None = None
    acme_http_port: Annotated[int | None, Field(ge=0, le=65535)] = None
    shutdown_grace: Annotated[float, Field(ge=0, le=3600)] = 10
    tunnel_grace: Annotated[float, Field(ge=0, le=86400)] = 300
    worker_ready_timeout: Annotated[float, Field(gt=0, le=3600)] = 15
    view_file: Path | None = None
    start_without_registry: Literal["view", "wait"] = "view"
    log_level: Annotated[Level, BeforeValidator(in_lower_case)] = "info"
    log_format: Annotated[Style, BeforeValidator(in_lower_case)] = "json"
    registry: RegistrySettings = RegistrySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read no source by itself: `load_settings` is the one place that reads the environment."""
        return (init_settings,)

    @property
    def route_policy(self) -> RoutePolicy:
        """The default policy of a route."""
        window_us = round(self.rate_limit_window * 1_000_000)
        limit = Policy(DEFAULT_POLICY, self.rate_limit_requests, window_us)
        return RoutePolicy(
            timeouts=Timeouts(
                connect_s=self.upstream_connect_timeout,
                head_s=self.upstream_timeout,
                idle_s=self.upstream_idle_timeout,
                total_s=self.upstream_total_timeout,
            ),
            limits=(limit,) if limit.requests else (),
            cors=CorsPolicy(self.cors_origins, expose=EXPOSED, credentials=True)
            if self.cors_origins
            else None,
            body_bytes=self.max_body_bytes,
        )

    @property
    def upstream_limits(self) -> UpstreamLimits:
        return UpstreamLimits(
            connections=self.upstream_connections,
            wait_s=self.upstream_connection_wait,
            head_bytes=self.max_response_head_bytes,
        )

    @property
    def client_limits(self) -> ClientLimits:
        return ClientLimits(
            body_idle_s=self.client_body_timeout,
            body_rate=self.client_body_min_rate,
            send_s=self.client_send_timeout,
        )

    @property
    def allowed_hosts(self) -> AllowedHosts:
        return AllowedHosts.parse(self.registry_allowed_hosts)

    @property
    def tls_files(self) -> TlsFiles | None:
        """The files of TLS_CERT_FILE and so on; None: none is named. Raises SettingsError."""
        return tls_files_of(self.tls_cert_file, self.tls_key_file, self.tls_client_ca_file)

    @property
    def acme(self) -> AcmeVariables | None:
        """What ACME_DOMAINS and so on say; None: no domain is named. Raises SettingsError."""
        return acme_variables_of(
            self.acme_domains,
            self.acme_email,
            self.acme_directory,
            self.acme_ca_file,
            self.acme_http_port,
        )

    @property
    def trusted(self) -> TrustedProxies:
        return TrustedProxies.parse(self.trusted_proxies)


def load_settings(environ: Mapping[str, str] = os.environ) -> GatewaySettings:
    """The settings in the environment. SettingsError: one line that says what is wrong."""
    registry = RegistrySettings.from_env(environ)
    named = {
        name: environ[name.upper()]
        for name in GatewaySettings.model_fields
        if environ.get(name.upper()) and name != "registry"
    }
    try:
        settings = GatewaySettings(**named, registry=registry)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_one_line(error.errors()[0])) from None
    _ = settings.allowed_hosts, settings.acme
    if settings.tls_files is not None:
        from gateway.config.tls_files import read_tls_files  # without them nothing of TLS is loaded

        read_tls_files(settings.tls_files)
    if settings.admin_token is None and settings.admin_token_file is not None:
        token = read_token(settings.admin_token_file)
        return settings.model_copy(update={"admin_token": token})
    return settings


#: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_KUBERNETES_HINT = (
    "must be a port; Kubernetes sets this for a Service named gateway: give the Service another name, "
    "set enableServiceLinks: false in the pod, or set GATEWAY_PORT in the container"
)


def _one_line(error: Any) -> str:
    variable = str(error["loc"][0]).upper()
    shown = "(not shown)" if variable == "ADMIN_TOKEN" else repr(error["input"])
    message = error["msg"].removeprefix("Value error, ")
    allowed = {
        "GATEWAY_WORKERS": "must be a number from 1 to 256, or auto: one for each usable core",
        "LOG_LEVEL": LEVELS_IN_WORDS,
    }
    if variable == "GATEWAY_PORT" and str(error["input"]).startswith("tcp://"):
        allowed[variable] = _KUBERNETES_HINT
    return f"{variable}={shown}: {allowed.get(variable, message[:1].lower() + message[1:])}"
