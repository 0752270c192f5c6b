"""What calls about keys say, and what they are answered."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from discovery.client.describing import rfc3339
from gateway.config.file.numbers import duration, whole_number
from middlewares.auth.ways.api_keys.deciding.records import (
    MOST_NAME_BYTES,
    Change,
    KeyRecord,
    OwnLimit,
    is_name,
    is_scope,
)
from middlewares.failures import BadRequest

DEFAULT_OVERLAP_S = 86_400.0
#: The last second that RFC 3339 can say, in Unix ms.
LAST_MS = 253_402_300_799_000
MOST_SCOPES = 100

_LIFE = duration("1s", "36500d")
_OVERLAP = duration("0s", "365d")
_WINDOW = duration("100ms", "1d")
_REQUESTS = whole_number(1, 1_000_000)
_KEYS = ("name", "scopes", "expires", "limit")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LIMIT_TEXT = re.compile(r"(?P<requests>\d{1,9})/(?P<window>\S+)", re.ASCII)
_LIMIT_RULE = 'must be {"requests": 100, "window": "60s"} or the text "100/60s"'
_EXPIRES_RULE = (
    "must be a duration such as 90d, or an RFC 3339 time with its zone such as 2027-01-01T00:00:00Z"
)


def record_of(body: object, now_s: float) -> KeyRecord:
    """What the body of `POST /keys` asks for; raises BadRequest. `now_s` is Unix time."""
    asked = _members(body, _KEYS)
    if "name" not in asked:
        raise BadRequest("name: is missing; who will use the key?")
    if not is_name(asked["name"]):
        raise BadRequest(
            f"name: must be printable text of at most {MOST_NAME_BYTES} bytes, without spaces around it"
        )
    created_ms = round(now_s * 1000)
    return KeyRecord(
        asked["name"],
        _scopes(asked.get("scopes")),
        created_ms,
        _expires_ms(asked.get("expires"), created_ms),
        _limit(asked.get("limit")),
    )


def overlap_ms(body: object) -> int:
    """For how long the body of a rotation leaves the keys before valid; raises BadRequest."""
    overlap = _members(body, ("overlap",)).get("overlap")
    if overlap is None:
        return round(DEFAULT_OVERLAP_S * 1000)
    seconds: float = _checked("overlap", _OVERLAP.parse, overlap)
    return round(seconds * 1000)


def described(
    id_: str, record: KeyRecord, used_s: int | None = None, old_ends_ms: int | None = None
) -> dict[str, Any]:
    """A key without its secret; `old_ends_ms`: until then the key before it is valid too."""
    limit = record.limit
    return {
        "id": id_,
        "name": record.name,
        "scopes": list(record.scopes),
        "created_at": _time(record.created_ms),
        "expires_at": _time(record.expires_ms),
        "last_used_at": _time(None if used_s is None else used_s // 60 * 60_000),
        "limit": None
        if limit is None
        else {"requests": limit.requests, "window": f"{limit.window_s:g}s"},
        "old_key_ends_at": _time(old_ends_ms),
    }


def listed(change: Change, record: KeyRecord, now_s: float) -> dict[str, Any]:
    """A key in the list of all."""
    now_ms = now_s * 1000
    old = [ends for _, ends in change.digests if ends is not None and ends > now_ms]
    is_over = record.expires_ms is not None and record.expires_ms <= now_ms
    document = described(
        change.id, record, change.used_s, max(old) if old and not is_over else None
    )
    return {**document, "expired": is_over}


def _members(body: object, allowed: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    for name in body:
        if name not in allowed:
            raise BadRequest(f"unknown key {name!r}; allowed: {', '.join(allowed)}")
    return body


def _scopes(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_SCOPES:
        raise BadRequest(
            f'scopes: must be a list of at most {MOST_SCOPES}, such as ["orders:read"]'
        )
    for index, scope in enumerate(value):
        if not is_scope(scope):
            raise BadRequest(
                f"scopes[{index}]: must be a scope such as orders:read, at most 128 characters without "
                "spaces, quotes and backslashes"
            )
    return tuple(dict.fromkeys(value))


def _expires_ms(value: object, now_ms: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            at = datetime.fromisoformat(value.upper())
        except ValueError:
            raise BadRequest(f"expires: {_EXPIRES_RULE}") from None
        at_ms = round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
        if at_ms <= now_ms:
            raise BadRequest("expires: must be in the future")
        if at_ms > LAST_MS:
            raise BadRequest("expires: must be before the year 10000 in UTC")
        return at_ms
    if isinstance(value, str) and not value[:1].isdigit():
        raise BadRequest(f"expires: {_EXPIRES_RULE}")
    seconds: float = _checked("expires", _LIFE.parse, value, _EXPIRES_RULE)
    return now_ms + round(seconds * 1000)


def _limit(value: object) -> OwnLimit | None:
    if value is None:
        return None
    requests, window = _limit_parts(value)
    return OwnLimit(
        _checked("limit.requests", _REQUESTS.parse, requests),
        _checked("limit.window", _WINDOW.parse, window),
    )


def _limit_parts(value: object) -> tuple[object, object]:
    if isinstance(value, str) and (found := _LIMIT_TEXT.fullmatch(value)):
        return int(found["requests"]), found["window"]
    if isinstance(value, dict) and set(value) == {"requests", "window"}:
        return value["requests"], value["window"]
    raise BadRequest(f"limit: {_LIMIT_RULE}")


def _checked(name: str, parse: Any, value: object, rule: str = "") -> Any:
    try:
        return parse(value)
    except ValueError as error:
        wrong_form = rule and "a duration" in str(error)
        raise BadRequest(f"{name}: {rule if wrong_form else error}") from None


def _time(unix_ms: int | None) -> str | None:
    """The time; a later one than can be said, which only other programs write, is shown as the last."""
    return None if unix_ms is None else rfc3339(min(unix_ms, LAST_MS))
