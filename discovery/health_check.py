"""How an instance is probed, as its metadata say: the kind of probe, and which answers pass."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import InvalidRegistration

ProbeKind = Literal["http", "tcp", "heartbeat"]
Ranges = tuple[tuple[int, int], ...]

PROBE, STATUSES, BODY = "health.probe", "health.statuses", "health.body"
#: The keys of the metadata that say something of the probe.
HEALTH_KEYS = (PROBE, STATUSES, BODY)

_KINDS = get_args(ProbeKind)
_SUCCESS: Ranges = ((200, 299),)
_STATUSES = re.compile(r"[2-5][0-9]{2}(-[2-5][0-9]{2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """An HTTP probe passes on a status in one of the ranges (both ends included) whose body has `body`."""

    kind: ProbeKind
    statuses: Ranges = _SUCCESS
    body: bytes = b""

    def expects(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.statuses)


def parse_health_check(metadata: Mapping[str, object], *, has_url: bool) -> HealthCheck:
    """The check that the metadata ask for; InvalidRegistration with the key, the value and the rule."""
    kind = metadata.get(PROBE, "http" if has_url else "tcp")
    if kind not in _KINDS:
        raise _refused(metadata, PROBE, "must be http, tcp or heartbeat")
    if kind == "http" and not has_url:
        raise _refused(metadata, PROBE, "needs a health_check_url")
    for key in (STATUSES, BODY):
        if key in metadata and kind != "http":
            raise _refused(metadata, key, "needs an HTTP probe, and so a health_check_url")
    statuses = _ranges(metadata) if STATUSES in metadata else _SUCCESS
    body = metadata.get(BODY, "")
    if not isinstance(body, str) or (BODY in metadata and not body):
        raise _refused(metadata, BODY, "must be a text that the answer has to contain")
    return HealthCheck(kind, statuses, body.encode())  # type: ignore[arg-type]


def _ranges(metadata: Mapping[str, object]) -> Ranges:
    statuses = metadata[STATUSES]
    parts = [part.strip(" ") for part in statuses.split(",")] if isinstance(statuses, str) else [""]
    ranges = []
    for part in parts:
        low, _, high = part.partition("-")
        if not _STATUSES.fullmatch(part) or int(low) > int(high or low):
            raise _refused(
                metadata, STATUSES, "must be statuses from 200 to 599 as in '200-299,401'"
            )
        ranges.append((int(low), int(high or low)))
    return tuple(ranges)


def _refused(metadata: Mapping[str, object], key: str, rule: str) -> InvalidRegistration:
    return InvalidRegistration(f"metadata {key!r}: {metadata[key]!r} {rule}")
