"""What the registry keeps of a key: who it is, what it may do, and until when; never the key itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")
MOST_NAME_BYTES = 256
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{1,16}")


class InvalidRecord(ValueError):
    """The registry holds something that is not a key's record."""


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A limit of one key's own: so many requests per window."""

    requests: int
    window_s: float


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What was said of a key when it was created; times in Unix ms."""

    name: str
    scopes: tuple[str, ...] = ()
    created_ms: int = 0
    expires_ms: int | None = None
    limit: OwnLimit | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What the registry says of one id: `record` is None if it is revoked.

    `digests` are the SHA-256 of its keys, newest first, each with the time from which it is refused in
    Unix ms, or None.
    """

    id: str
    record: KeyRecord | None
    digests: tuple[tuple[bytes, int | None], ...]
    revision: int = 0
    used_s: int | None = None


def encode(record: KeyRecord) -> str:
    """The JSON text of a record, as the registry keeps it."""
    document: dict[str, Any] = {
        "name": record.name,
        "scopes": list(record.scopes),
        "created_ms": record.created_ms,
    }
    if record.expires_ms is not None:
        document["expires_ms"] = record.expires_ms
    if record.limit is not None:
        document["limit"] = {"requests": record.limit.requests, "window_s": record.limit.window_s}
    return orjson.dumps(document).decode()


def decode(text: bytes) -> KeyRecord:
    """A record from its JSON text. InvalidRecord: it is not one of ours."""
    try:
        document = orjson.loads(text)
        limit = document.get("limit")
        record = KeyRecord(
            document["name"],
            tuple(document["scopes"]),
            document["created_ms"],
            document.get("expires_ms"),
            None if limit is None else OwnLimit(limit["requests"], float(limit["window_s"])),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidRecord("it is not a record of Lockgate's") from None
    if why := _why_invalid(record):
        raise InvalidRecord(why)
    return record


def _why_invalid(record: KeyRecord) -> str:
    if not is_name(record.name):
        return "its name is not valid"
    if not all(map(is_scope, record.scopes)):
        return "its scopes are not valid"
    times: tuple[object, ...] = (record.created_ms, record.expires_ms or 0)
    if not all(map(_is_whole, times)):
        return "its times are not valid"
    limit = record.limit
    if limit is not None and not (
        _is_whole(limit.requests) and limit.requests > 0 and limit.window_s > 0
    ):
        return "its limit is not valid"
    return ""


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_scope(scope: object) -> bool:
    """Whether it is a scope of at most 128 characters (RFC 6749 §3.3)."""
    return isinstance(scope, str) and _SCOPE.fullmatch(scope) is not None


def is_name(name: object) -> bool:
    """Whether a name can be a subject: printable, without spaces around it, at most 256 bytes."""
    return (
        isinstance(name, str)
        and bool(name)
        and name.isprintable()
        and name == name.strip()
        and len(name.encode("utf-8", "surrogatepass")) <= MOST_NAME_BYTES
    )


def change_of(row: Sequence[bytes]) -> Change:
    """A row of lua/changes.lua as a value. InvalidRecord: it is not one of ours."""
    id_, record, digests, ends, revision, used = row
    names = digests.decode("ascii", "replace").split()
    times = ends.decode("ascii", "replace").split()
    if len(names) != len(times) or not all(map(_DIGEST.fullmatch, names)):
        raise InvalidRecord("its digests are not valid")
    return Change(
        id_.decode("utf-8", "replace"),
        decode(record) if record else None,
        tuple((bytes.fromhex(name), _time(time)) for name, time in zip(names, times, strict=True)),
        _time(revision.decode("ascii", "replace")) or 0,
        _time(used.decode("ascii", "replace")),
    )


def unreadable(row: Sequence[bytes]) -> Change:
    """The change of a row that is not one of ours: its id has no key."""
    return Change(
        row[0].decode("utf-8", "replace"), None, (), _time(row[4].decode("ascii", "replace")) or 0
    )


def _time(text: str) -> int | None:
    return int(text) if _TIME.fullmatch(text) else None
