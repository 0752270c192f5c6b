"""Conditions of a request, as a cache evaluates them (RFC 9110 §13, RFC 9111 §4.3.2)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from middlewares.cache.deciding.dates import http_date
from middlewares.cache.deciding.entity_tags import lists_weakly, match_strongly
from middlewares.cache.entry import FieldLine

#: The age from which on a Last-Modified is a strong validator (RFC 9110 §8.8.2.2).
_STRONG_AFTER_S: Final = 1.0
_FIRST_OTHER_STATUS: Final = 300


class Conditions(NamedTuple):
    """The values of a request's conditional fields and of Range; several lines are joined by `, `.

    A request with If-Match or If-Unmodified-Since is left to the service: it alone knows the current
    representation (asking.py).
    """

    if_match: bytes | None = None
    if_none_match: bytes | None = None
    if_modified_since: bytes | None = None
    if_unmodified_since: bytes | None = None
    range: bytes | None = None
    if_range: bytes | None = None


NO_CONDITIONS: Final = Conditions()


class Validators(NamedTuple):
    """What conditions are compared with: a representation's entity tag and dates, as its fields have them."""

    etag: bytes | None
    last_modified: bytes | None
    fields: Sequence[FieldLine] = ()

    def date(self) -> bytes | None:
        """The value of Date."""
        return next((value for name, value in self.fields if name.lower() == b"date"), None)


def is_not_modified(conditions: Conditions, status: int, of: Validators) -> bool:
    """Whether the client has this representation already, so that 304 is the answer.

    Conditions hold for successful answers alone (RFC 9110 §13.2.1), and If-None-Match comes before
    If-Modified-Since (§13.2.2).
    """
    if status >= _FIRST_OTHER_STATUS:
        return False
    if conditions.if_none_match is not None:
        value = conditions.if_none_match.strip(b" \t")
        return value == b"*" or (of.etag is not None and lists_weakly(value, of.etag))
    if conditions.if_modified_since is None:
        return False
    since_s = http_date(conditions.if_modified_since)
    if since_s is None:
        return False
    # Without Last-Modified, Date takes its place (RFC 9111 §4.3.2).
    modified_s = http_date(of.last_modified or of.date() or b"")
    return modified_s is not None and modified_s <= since_s


def range_holds(conditions: Conditions, of: Validators) -> bool:
    """Whether Range may be applied: If-Range is absent, or names this very representation (RFC 9110 §13.1.5)."""
    value = conditions.if_range
    if value is None:
        return True
    value = value.strip(b" \t")
    if value.startswith((b'"', b"W/")):
        return of.etag is not None and match_strongly(value, of.etag)
    # A date must be the same, and must be strong: at least a second before Date.
    if value != of.last_modified:
        return False
    modified_s, sent_s = http_date(value), http_date(of.date() or b"")
    return modified_s is not None and sent_s is not None and sent_s - modified_s >= _STRONG_AFTER_S
