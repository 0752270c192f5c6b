"""Entries of the registry's stream of events, as values."""

from typing import Any

from ..base.logs import Log
from ..model.errors import InvalidRegistration
from ..store.decoding import decode_value, text
from ..store.left_out import LeftOut
from .view import Event, Status

_log = Log()
_STATUSES: dict[bytes, Status] = {
    b"starting": "starting",
    b"healthy": "healthy",
    b"unhealthy": "unhealthy",
}


def parse_event(fields: dict[bytes, bytes], left_out: LeftOut | None = None) -> Event | None:
    """The event of a stream entry, or None when the entry is not valid.

    `left_out` warns of records that are not valid.
    """
    try:
        revision = int(fields[b"rev"])
        kind = text(fields[b"kind"])
        key = text(fields[b"member"])
    except (KeyError, ValueError):
        _log.warning("registry.invalid_event", fields=repr(fields)[:200])
        return None
    more: dict[str, Any] = {}
    if kind == "registered":
        more = _registered(key, fields, left_out or LeftOut())
    elif kind == "health_changed":
        more = {
            "status": _STATUSES.get(fields.get(b"to", b""), "starting"),
            "from_status": text(fields.get(b"from", b"")),
            "evidence": text(fields.get(b"evidence", b"")),
        }
    return Event(revision, kind, key, **more)


def _registered(key: str, fields: dict[bytes, bytes], left_out: LeftOut) -> dict[str, Any]:
    value = b" ".join(
        fields.get(name, b"") if name != b"active" else name
        for name in (b"registered_at", b"ttl", b"active", b"record")
    )
    try:
        instance, registered_at_ms, _ = decode_value(key, value)
    except InvalidRegistration as error:
        left_out.say(key, str(error))
        return {}
    return {"instance": instance, "registered_at_ms": registered_at_ms}
