"""Services with fixed addresses: what the gateway's operator names in the configuration file."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from .errors import InvalidRegistration
from .health_check import BODY, STATUSES
from .instance import MAX_ID_CHARACTERS, Instance, parse_registration
from .words import FILE

_PORTS = {"http": 80, "https": 443}
_SHAPE = "must be a scheme, a host and a port as in 'http://10.0.0.5:9000'"


@dataclass(frozen=True, slots=True)
class FixedHealth:
    """How the instances are probed: by GET where there is a `path`, else by a TCP connect.

    `statuses` is a text as in `200-299,401`, empty for 200 to 299. `interval_s` None: the gateway's own.
    """

    path: str | None = None
    interval_s: float | None = None
    statuses: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class FixedService:
    """A service with its instances, all of which have `source` "file"."""

    name: str
    instances: tuple[Instance, ...]


def fixed_service(
    name: str, urls: Iterable[str], health: FixedHealth = FixedHealth()
) -> FixedService:
    """The service of these URLs; one that comes twice counts once. Raises InvalidRegistration."""
    by_id = {one.id: one for one in (fixed_instance(name, url, health) for url in urls)}
    return FixedService(name, tuple(by_id.values()))


def fixed_instance(service: str, url: str, health: FixedHealth = FixedHealth()) -> Instance:
    """The instance at a URL; its id is made of the URL alone. Raises InvalidRegistration.

    Without a path of its health any server will do, so a TCP connect is its probe.
    """
    scheme, host, port = _parts(url)
    body: dict[str, Any] = {"host": host, "port": port, "scheme": scheme}
    if health.path is not None:
        body["health_check_url"] = health.path
    expected = {STATUSES: health.statuses, BODY: health.body}
    body["metadata"] = {key: text for key, text in expected.items() if text}
    interval_s = health.interval_s
    if interval_s is not None and not (interval_s > 0 and math.isfinite(interval_s)):
        raise InvalidRegistration(f"health.interval {interval_s!r}: must be more than 0 seconds")
    try:
        found = parse_registration(service, "-", body, words=FILE)
    except InvalidRegistration as error:
        raise InvalidRegistration(f"{url!r}: {error}") from None
    return replace(found, id=_id_of(found), source="file", probe_interval_s=interval_s)


def _parts(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL that has nothing else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidRegistration(f"{url!r}: {_SHAPE}") from None
    has_more = parts.path not in ("", "/") or "?" in url or "#" in url or "@" in parts.netloc
    if parts.scheme not in _PORTS or not parts.hostname or has_more:
        raise InvalidRegistration(f"{url!r}: {_SHAPE}")
    return parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port


def _id_of(instance: Instance) -> str:
    """A valid id that no other URL has; it can be read where the URL leaves room for that."""
    plain = f"{instance.scheme}-{instance.host}-{instance.port}"
    if ":" not in instance.host and len(plain) <= MAX_ID_CHARACTERS:
        return plain
    unique = hashlib.sha256(instance.url.encode()).hexdigest()[:16]
    readable = f"{instance.scheme}-{instance.host.replace(':', '-')}-{instance.port}"
    return f"{readable[: MAX_ID_CHARACTERS - 17]}-{unique}"
