"""How an instance is probed, as its metadata say: the kind of probe, its Host, and which answers pass."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import InvalidRegistration
from .words import HTTP, Words

ProbeKind = Literal["http", "tcp", "heartbeat"]
Ranges = tuple[tuple[int, int], ...]

PROBE, STATUSES, BODY, HOST = "health.probe", "health.statuses", "health.body", "health.host"
#: The metadata keys that describe the probe.
HEALTH_KEYS = (PROBE, STATUSES, BODY, HOST)

_KINDS = get_args(ProbeKind)
_SUCCESS: Ranges = ((200, 299),)
_STATUSES = re.compile(r"[2-5][0-9]{2}(-[2-5][0-9]{2})?", re.ASCII)
_MAX_HOST_CHARACTERS = 255
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """An HTTP probe passes on a status in one of the ranges (inclusive) whose body contains `body`.

    `host` is the Host field that the probe sends; empty means the host of the health URL.
    """

    kind: ProbeKind
    statuses: Ranges = _SUCCESS
    body: bytes = b""
    host: str = ""

    def expects(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.statuses)


def parse_health_check(
    metadata: Mapping[str, object], *, has_url: bool, words: Words = HTTP
) -> HealthCheck:
    """The check in the metadata; raises InvalidRegistration with the key, the value and the rule."""
    kind = metadata.get(PROBE, "http" if has_url else "tcp")
    if kind not in _KINDS:
        raise _refused(words.probe, kind, "must be http, tcp or heartbeat")
    if kind == "http" and not has_url:
        raise _refused(words.probe, kind, f"needs a {words.path}")
    names = {STATUSES: words.statuses, BODY: words.body, HOST: words.health_host}
    for key, name in names.items():
        if key in metadata and kind != "http":
            raise _refused(name, metadata[key], f"needs an HTTP probe, and so a {words.path}")
    statuses = _ranges(words.statuses, metadata[STATUSES]) if STATUSES in metadata else _SUCCESS
    body = metadata.get(BODY, "")
    if not isinstance(body, str) or (BODY in metadata and not body):
        raise _refused(words.body, body, "must be a text that the answer has to contain")
    host = _host(words.health_host, metadata[HOST]) if HOST in metadata else ""
    return HealthCheck(kind, statuses, body.encode(), host)  # type: ignore[arg-type]


def _host(name: str, host: object) -> str:
    if isinstance(host, str) and _is_host_field(host):
        return host
    raise _refused(name, host, "must be a host or host:port as in 'shop.example'")


def _is_host_field(text: str) -> bool:
    """Whether a text is a Host field (RFC 9110, section 7.2), without forms that no server uses."""
    match = _HOST.fullmatch(text) if len(text) <= _MAX_HOST_CHARACTERS else None
    return match is not None and 0 < int(match["port"] or 80) < 65536


def _ranges(name: str, statuses: object) -> Ranges:
    parts = [part.strip(" ") for part in statuses.split(",")] if isinstance(statuses, str) else [""]
    ranges = []
    for part in parts:
        low, _, high = part.partition("-")
        if not _STATUSES.fullmatch(part) or int(low) > int(high or low):
            raise _refused(name, statuses, "must be statuses from 200 to 599 as in '200-299,401'")
        ranges.append((int(low), int(high or low)))
    return tuple(ranges)


def _refused(name: str, value: object, rule: str) -> InvalidRegistration:
    return InvalidRegistration(f"{name}: {value!r} {rule}")
