"""The gateway's settings: read from the environment in one place, checked when they are made, then frozen."""

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
from gateway.config.origins import parse_origins
from gateway.config.urls import check_url
from gateway.front.request_body import ClientLimits
from gateway.guard.admin_token import check_token, read_token
from gateway.upstream.limits import UpstreamLimits
from middlewares.clients.deciding import TrustedProxies
from middlewares.limits.deciding import Policy
from middlewares.telemetry.log_levels import (
    LEVELS_IN_WORDS,
    Level,
    Style,
    in_lower_case,
)

DEFAULT_POLICY = "default"


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


Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
SecondsOrNever = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]


class GatewaySettings(BaseSettings):
    """What the contract's table of variables says; durations are seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    gateway_host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    """Where the gateway listens."""
    gateway_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Its port; 0: a free one."""
    gateway_url: Annotated[str | None, AfterValidator(_gateway_url)] = None
    """Where clients reach it, https://shop.example; services are told; else where it listens."""
    gateway_workers: Annotated[int, Field(ge=1, le=1)] = 1
    """Processes of one gateway; more than one is not supported yet."""
    registry_allowed_hosts: str = ""
    """CIDRs and names that an instance may have; empty: any but the never-allowed."""
    rate_limit_requests: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """Requests of one client in a window; 0: no limit."""
    rate_limit_window: Annotated[float, Field(ge=0.1, le=86400)] = 60
    """Seconds of that window."""
    health_check_interval: Annotated[float, Field(ge=0.05, le=3600)] = 5
    """Seconds between the probes of an instance."""
    health_check_timeout: Annotated[float, Field(ge=0.05, le=3600)] = 2
    """Seconds for each probe."""
    health_fall: Annotated[int, Field(ge=1, le=100)] = 3
    """Failures in a row until an instance is unhealthy."""
    health_rise: Annotated[int, Field(ge=1, le=100)] = 2
    """Passes in a row until it is healthy again."""
    unhealthy_remove_after: Annotated[float, Field(ge=0, le=86400)] = 60
    """Seconds unhealthy until an instance is removed from the registry."""
    upstream_connect_timeout: Seconds = 2
    """Seconds to connect to an instance."""
    upstream_timeout: Seconds = 30
    """Seconds to the head of its answer."""
    upstream_idle_timeout: SecondsOrNever = 300
    """Seconds between two pieces of an answer; 0: no limit."""
    upstream_total_timeout: SecondsOrNever = 0
    """Seconds for the whole exchange, all attempts together; 0: no limit."""
    upstream_connections: Annotated[int, Field(ge=0)] = 0
    """Most connections to one instance; 0: no limit."""
    upstream_connection_wait: Seconds = 1
    """Seconds to wait for one of them."""
    max_response_head_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    """Largest head of an instance's answer."""
    client_body_timeout: SecondsOrNever = 60
    """Longest pause in a request body, seconds; 0: no limit."""
    client_body_min_rate: Annotated[int, Field(ge=0)] = 240
    """Fewest bytes of a request body a second after the first 20 s; 0: any."""
    client_send_timeout: SecondsOrNever = 60
    """Seconds that a client may read nothing of its answer; 0: no limit."""
    max_body_bytes: Annotated[int, Field(ge=0)] = 0
    """Largest request body; 0: no limit."""
    max_request_head_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    """Request line and header section of a request together."""
    trusted_proxies: Annotated[str, AfterValidator(_trusted_proxies)] = ""
    """Comma-separated CIDRs whose X-Forwarded-* are believed."""
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    """Comma-separated origins, or *; empty: CORS is the services' matter."""
    admin_token: Annotated[str | None, AfterValidator(_admin_token)] = None
    """Bearer token of every changing call, 16 characters or more; unset: they are refused."""
    admin_token_file: Path | None = None
    """A file that holds it, which nobody else can read."""
    admin_listen: Annotated[str | None, AfterValidator(_admin_listen)] = None
    """host:port or unix:/path for everything but /api, /health and /ready."""
    shutdown_grace: Annotated[float, Field(ge=0, le=3600)] = 10
    """Seconds for requests in flight when the gateway stops."""
    tunnel_grace: Annotated[float, Field(ge=0, le=86400)] = 300
    """Seconds for tunnels and event streams then."""
    view_file: Path | None = None
    """Keeps what is registered, for a start while the registry is away."""
    start_without_registry: Literal["view", "wait"] = "view"
    """Such a start: `view` begins with that file, `wait` waits for the registry."""
    log_level: Annotated[Level, BeforeValidator(in_lower_case)] = "info"
    """debug, info, warning (or warn), error or critical."""
    log_format: Annotated[Style, BeforeValidator(in_lower_case)] = "json"
    """json, or console for people."""
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
        """`load_settings` is the one place that reads the environment."""
        return (init_settings,)

    @property
    def policy(self) -> Policy:
        """The one rate limit policy that there is so far."""
        return Policy(
            DEFAULT_POLICY, self.rate_limit_requests, round(self.rate_limit_window * 1_000_000)
        )

    @property
    def upstream_limits(self) -> UpstreamLimits:
        return UpstreamLimits(
            connect_s=self.upstream_connect_timeout,
            head_s=self.upstream_timeout,
            idle_s=self.upstream_idle_timeout,
            total_s=self.upstream_total_timeout,
            connections=self.upstream_connections,
            wait_s=self.upstream_connection_wait,
            head_bytes=self.max_response_head_bytes,
        )

    @property
    def client_limits(self) -> ClientLimits:
        return ClientLimits(
            body_bytes=self.max_body_bytes,
            body_idle_s=self.client_body_timeout,
            body_rate=self.client_body_min_rate,
            send_s=self.client_send_timeout,
        )

    @property
    def allowed_hosts(self) -> AllowedHosts:
        return AllowedHosts.parse(self.registry_allowed_hosts)

    @property
    def trusted(self) -> TrustedProxies:
        return TrustedProxies.parse(self.trusted_proxies)


def load_settings(environ: Mapping[str, str] = os.environ) -> GatewaySettings:
    """The settings that the environment names. SettingsError: one line that names what is wrong."""
    registry = RegistrySettings.from_env(environ)
    if config := environ.get("GATEWAY_CONFIG"):
        raise SettingsError(f"GATEWAY_CONFIG={config!r}: must be unset: no file is read yet")
    named = {
        name: environ[name.upper()]
        for name in GatewaySettings.model_fields
        if environ.get(name.upper()) and name != "registry"
    }
    try:
        settings = GatewaySettings(**named, registry=registry)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_one_line(error.errors()[0])) from None
    _ = settings.allowed_hosts
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
        "GATEWAY_WORKERS": "must be 1: several workers are not supported yet",
        "LOG_LEVEL": LEVELS_IN_WORDS,
    }
    if variable == "GATEWAY_PORT" and str(error["input"]).startswith("tcp://"):
        allowed[variable] = _KUBERNETES_HINT
    return f"{variable}={shown}: {allowed.get(variable, message[:1].lower() + message[1:])}"
