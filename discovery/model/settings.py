"""Discovery's settings, read from the environment and checked."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import SettingsError
from .registry_files import check_files
from .registry_url import parse_server_group

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
#: The environment variable of each field of RegistrySettings.
VARIABLES = {
    "redis_url": "REDIS_URL",
    "namespace": "REGISTRY_NAMESPACE",
    "heartbeat_interval_s": "HEARTBEAT_INTERVAL",
    "instance_ttl_s": "INSTANCE_TTL",
}
#: What each of them means.
MEANINGS = {
    "REDIS_URL": "The registry: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://.",
    "REGISTRY_NAMESPACE": "Separates several systems in one registry.",
    "HEARTBEAT_INTERVAL": "Seconds between the heartbeats of a service.",
    "INSTANCE_TTL": "Seconds after its last heartbeat at which a registration lapses.",
}

_DATABASE = re.compile(r"/?|/[0-9]+/?")
_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """Where the registry is, and how leases run; `*_s` are seconds."""

    redis_url: str = DEFAULT_REDIS_URL
    namespace: str = "default"
    heartbeat_interval_s: float = 5.0
    instance_ttl_s: float = 15.0

    def __post_init__(self) -> None:
        check_redis_url(self.redis_url)
        if not _NAMESPACE.fullmatch(self.namespace):
            raise SettingsError(
                f"REGISTRY_NAMESPACE={self.namespace!r}: "
                "must be 1 to 64 letters, digits, dots, dashes or underscores"
            )
        _check_range("HEARTBEAT_INTERVAL", self.heartbeat_interval_s, 0.05, 3600)
        _check_range("INSTANCE_TTL", self.instance_ttl_s, 1, 3600)
        if self.heartbeat_interval_s >= self.instance_ttl_s:
            raise SettingsError(
                f"HEARTBEAT_INTERVAL={self.heartbeat_interval_s:g}: must be less than "
                f"INSTANCE_TTL, which is {self.instance_ttl_s:g}"
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "RegistrySettings":
        """The settings of the environment, with defaults for the rest; SettingsError if one is bad."""
        url = environ.get("REDIS_URL") or DEFAULT_REDIS_URL
        check_files(url)
        return cls(
            redis_url=url,
            namespace=environ.get("REGISTRY_NAMESPACE") or "default",
            heartbeat_interval_s=_number(environ, "HEARTBEAT_INTERVAL", 5.0),
            instance_ttl_s=_number(environ, "INSTANCE_TTL", 15.0),
        )


def check_redis_url(url: str) -> None:
    """Raise SettingsError unless the URL names a registry; the message hides its password."""
    why = ""
    try:
        names_one = parse_server_group(url) is not None or _names_a_server(url)
    except ValueError as error:
        names_one, why = False, f" ({error})"
    if not names_one:
        raise SettingsError(
            f"REDIS_URL={without_password(url)!r}: must be redis://host:port/db, rediss://…, "
            "unix:///path or redis+sentinel://host:port,host:port/name "
            f"or redis+cluster://host:port,host:port{why}"
        )


def _names_a_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port if parts.scheme in ("redis", "rediss") else None
    except ValueError:
        return False
    if parts.scheme in ("redis", "rediss") and not _DATABASE.fullmatch(parts.path):
        raise ValueError(f"the database {parts.path[1:]!r} is no number")  # redis-py would take 0
    return parts.scheme in ("redis", "rediss", "unix") and bool(parts.netloc or parts.path)


def without_password(url: str) -> str:
    """The URL without its password, for logs."""
    url = re.sub(r"(password=)[^&]*", r"\1***", url)
    return re.sub(r"(://[^@]*?:).*@", r"\1***@", url)


def _number(environ: Mapping[str, str], variable: str, default: float) -> float:
    text = environ.get(variable)
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{variable}={text!r}: must be a number of seconds") from None


def _check_range(variable: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{variable}={value:g}: must be {low:g} to {high:g} seconds")
