"""An instance of a service: its shape, what is refused, and its record in the registry."""

import ipaddress
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from .errors import InvalidRegistration
from .health_check import HEALTH_KEYS, HealthCheck, parse_health_check
from .words import HTTP, Words

#: The metadata key that names the OpenAPI document of an instance: a path, or a URL with its own host.
OPENAPI_URL = "openapi_url"
MAX_METADATA_BYTES = 8 * 1024
MAX_URL_CHARACTERS = 2048
MAX_BODY_BYTES = 16 * 1024
#: The largest record: JSON may write each character as six.
MAX_RECORD_BYTES = 128 * 1024
DEFAULT_TTL_S = 15.0
MAX_ID_CHARACTERS = 128

#: Every JSON library can write integers up to these.
_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**63 - 1

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_ID_CHARACTERS}}}")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# The grammar of semver.org, item 2 to 10.
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_KEYS = frozenset(
    ["host", "port", "scheme", "health_check_url", "metadata", "weight", "version", "ttl"]
)

_GRAPHIC = re.compile(r"[!-~]+")
_MAX_HOST_CHARACTERS = 253

#: Made once, since ten thousand records are decoded at a time.
_METADATA = json.JSONEncoder(allow_nan=False, ensure_ascii=False)

Scalar = str | int | float | bool | None
#: Who named an instance: whoever registered it, or the gateway's operator in the configuration file.
Source = Literal["registry", "file"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One copy of a service and where it listens; `health_check` says how it is probed.

    `source` and `probe_interval_s` (None: the gateway's own) are no part of its record in the registry.
    """

    name: str
    id: str
    host: str
    port: int
    scheme: str = "http"
    health_check_url: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    weight: int = 1
    version: str | None = None
    ttl_s: float = DEFAULT_TTL_S
    source: Source = "registry"
    probe_interval_s: float | None = None
    #: Its key in the registry: `<service>/<instance id>`.
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.name}/{self.id}")

    @property
    def authority(self) -> str:
        return _authority(self.host, self.port)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def endpoint(self) -> tuple[str, str, int]:
        """Where connections to it go."""
        return self.scheme, self.host, self.port

    @property
    def probed_as(self) -> tuple[Scalar, ...]:
        """What its health depends on: if any of it changes, the instance is a new one of the same id."""
        return (*self.endpoint, self.health_check_url, *map(self.metadata.get, HEALTH_KEYS))

    @property
    def openapi_url(self) -> str | None:
        """Where its OpenAPI document is; None: its metadata name none, or one that is not its own."""
        named = self.metadata.get(OPENAPI_URL)
        if named is None:
            return None
        try:
            return _own_url(OPENAPI_URL, named, self.scheme, self.host, self.port)
        except InvalidRegistration:  # a record of an older release, in which the key meant nothing
            return None

    @property
    def health_check(self) -> HealthCheck:
        return parse_health_check(self.metadata, has_url=self.health_check_url is not None)


def parse_registration(
    name: object,
    instance_id: object,
    body: object,
    *,
    default_ttl_s: float = DEFAULT_TTL_S,
    words: Words = HTTP,
    checks_document: bool = True,
) -> Instance:
    """Check a registration (keys as in the contract's PUT) and make the instance of it.

    `checks_document`: the address of an OpenAPI document in the metadata must be the instance's own.

    Raises InvalidRegistration with the key, as `words` call it, the value and what is allowed.
    """
    check_name(name)
    check_id(instance_id)
    if not isinstance(body, Mapping):
        raise InvalidRegistration("the body must be a JSON object")
    if unknown := body.keys() - _KEYS:
        raise InvalidRegistration(
            f"unknown key {min(map(str, unknown))!r}; allowed: {', '.join(sorted(_KEYS))}"
        )
    for key in ("host", "port"):
        if key not in body:
            raise InvalidRegistration(f"{key} is missing")
    host = _host(body["host"])
    port = _integer("port", body["port"], 1, 65535)
    scheme = body.get("scheme", "http")
    if scheme not in ("http", "https"):
        raise InvalidRegistration(f"scheme {scheme!r}: must be http or https")
    url = body.get("health_check_url")
    metadata = _metadata(body.get("metadata"), words)
    parse_health_check(metadata, has_url=url is not None, words=words)
    if checks_document and (named := metadata.get(OPENAPI_URL)) is not None:
        _own_url(f"{words.metadata} {OPENAPI_URL!r} {named!r}", named, scheme, host, port)
    if url is not None:
        url = _own_url(f"{words.path} {url!r}", url, scheme, host, port)
    return Instance(
        name=str(name),
        id=str(instance_id),
        host=host,
        port=port,
        scheme=scheme,
        health_check_url=url,
        metadata=metadata,
        weight=_integer("weight", body.get("weight", 1), 0, 1000),
        version=_version(body.get("version")),
        ttl_s=_ttl_s(body.get("ttl"), default_ttl_s),
    )


def check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRegistration(
            f"service name {name!r}: must be a lower-case letter and up to 62 of a-z 0-9 _ -"
        )


def check_id(instance_id: object) -> None:
    if not isinstance(instance_id, str) or not _ID.fullmatch(instance_id):
        raise InvalidRegistration(
            f"instance id {instance_id!r}: must be 1 to 128 of A-Z a-z 0-9 . _ -"
        )


def is_service_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def encode(instance: Instance) -> str:
    """The record as JSON text; `decode` is its inverse."""
    return json.dumps(
        {
            "host": instance.host,
            "port": instance.port,
            "scheme": instance.scheme,
            "health_check_url": instance.health_check_url,
            "metadata": dict(instance.metadata),
            "weight": instance.weight,
            "version": instance.version,
            "ttl": instance.ttl_s,
        },
        separators=(",", ":"),
        sort_keys=True,
    )


def decode(key: str, record: str | bytes) -> Instance:
    """The instance of a record; InvalidRegistration when it is not one of ours."""
    name, _, instance_id = key.partition("/")
    if len(record) > MAX_RECORD_BYTES:
        raise InvalidRegistration(f"the record has more than {MAX_RECORD_BYTES} bytes")
    try:
        body = json.loads(record if isinstance(record, str) else record.decode())
    except (ValueError, RecursionError):  # brackets nested by the thousand
        raise InvalidRegistration("the record is not JSON") from None
    # Releases that did not know OPENAPI_URL took it for anybody's key.
    return parse_registration(name, instance_id, body, checks_document=False)


def _host(host: object) -> str:
    if not isinstance(host, str) or not 0 < len(host) <= _MAX_HOST_CHARACTERS:
        raise InvalidRegistration(f"host {host!r}: must be a host name or an address")
    return _checked_host(host)


@lru_cache(maxsize=4096)
def _checked_host(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host)) if "%" not in host else _refuse_host(host)
    except ValueError:
        pass
    labels = host.removesuffix(".").split(".")
    # A last label of digits alone would be read as a legacy IPv4 address (127.1, 0x7f.1).
    numeric = labels[-1].isdigit() or labels[-1].lower().startswith("0x")
    if numeric or not all(map(_HOST_LABEL.fullmatch, labels)):
        return _refuse_host(host)
    return host


def _refuse_host(host: str) -> str:
    raise InvalidRegistration(f"host {host!r}: must be a host name or an address")


def _integer(key: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidRegistration(f"{key} {value!r}: must be an integer from {low} to {high}")
    return value


def _ttl_s(value: object, default_s: float) -> float:
    if value is None:
        return default_s
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 3600:
        raise InvalidRegistration(f"ttl {value!r}: must be 1 to 3600 seconds")
    return float(value)


def _version(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 128 or not _VERSION.fullmatch(value):
        raise InvalidRegistration(f"version {value!r}: must be a semantic version such as 1.4.2")
    return value


def _metadata(value: object, words: Words) -> Mapping[str, Scalar]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidRegistration("metadata must be a JSON object")
    for key, item in value.items():
        if not isinstance(key, str):
            raise InvalidRegistration(f"metadata key {key!r}: must be a string")
        if item is not None and not isinstance(item, str | int | float | bool):
            raise InvalidRegistration(
                f"metadata {key!r}: must be a string, number, boolean or null (metadata is flat)"
            )
        if isinstance(item, float) and not math.isfinite(item):
            raise InvalidRegistration(f"metadata {key!r}: {item!r} is not a number of JSON")
        if isinstance(item, int) and not _LEAST_INTEGER <= item <= _GREATEST_INTEGER:
            raise InvalidRegistration(f"metadata {key!r}: an integer must fit into 64 bits")
    try:
        size = len(_METADATA.encode(dict(value)).encode())
    except ValueError:
        raise InvalidRegistration("metadata must be valid JSON") from None
    if size > MAX_METADATA_BYTES:
        raise InvalidRegistration(
            f"{words.metadata} of {size} bytes: at most {MAX_METADATA_BYTES} are allowed"
        )
    return dict(value)


def _own_url(what: str, value: object, scheme: str, host: str, port: int) -> str:
    own = f"{scheme}://{_authority(host, port)}"
    if isinstance(value, str) and value.startswith("/") and not value.startswith("//"):
        value = own + value
    if (
        not isinstance(value, str)
        or not value
        or len(value) > MAX_URL_CHARACTERS
        or not value.isascii()
    ):
        raise InvalidRegistration(
            f"{what}: must be a path or a URL of at most {MAX_URL_CHARACTERS} characters"
        )
    if not _GRAPHIC.fullmatch(value):
        raise InvalidRegistration(f"{what}: must not contain spaces or control characters")
    if value.startswith(f"{own}/") and "#" not in value:  # as nearly all are: nothing to take apart
        return value
    try:
        parts = urlsplit(value)
        its_port = parts.port
    except ValueError:
        raise InvalidRegistration(f"{what}: is not a URL") from None
    if (
        parts.scheme not in ("http", "https")
        or "@" in parts.netloc
        or parts.fragment
        or its_port == 0
    ):
        raise InvalidRegistration(f"{what}: must be a path, or an http or https URL")
    if not _same_host(parts.hostname or "", host):
        raise InvalidRegistration(f"{what}: its host must be the instance's own, {host}")
    return value


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _same_host(one: str, other: str) -> bool:
    if one.lower() == other.lower():
        return True
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False
