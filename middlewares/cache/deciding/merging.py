"""How a validated answer is brought up to date by the one that validates it (RFC 9111 §4.3)."""

from collections.abc import Sequence
from typing import Final

from middlewares.cache.deciding.entity_tags import is_sendable, is_strong, match_weakly
from middlewares.cache.entry import Entry, FieldLine, Head

#: They tell what the kept bytes are, so those of the answer that brought the bytes stay (RFC 9111 §3.2).
_OF_THE_BYTES: Final = frozenset(
    [
        b"content-length",
        b"content-encoding",
        b"content-range",
        b"content-md5",
        b"content-digest",
        b"repr-digest",
        b"digest",
        b"etag",
        b"transfer-encoding",
    ]
)
_OK: Final = 200


def conditional_fields(entry: Entry) -> tuple[FieldLine, ...]:
    """The conditions by which the service is asked whether an entry still holds; none: it can't be asked."""
    fields: tuple[FieldLine, ...] = ()
    if entry.etag is not None and is_sendable(entry.etag):
        fields += ((b"If-None-Match", entry.etag),)
    if entry.last_modified is not None:
        fields += ((b"If-Modified-Since", entry.last_modified),)
    return fields


def freshened(entry: Entry, head: Head) -> Head | None:
    """The entry's head as a 304 changes it, for the judge.

    None: the 304 names another representation (RFC 9111 §4.3.4). The entry is served then, for the service
    says that it is the one that was asked about, but it stays as it is.
    """
    if not _is_of(entry, head.fields):
        return None
    return Head(entry.status, entry.phrase, _updated(entry.fields, head.fields), entry.length)


def contradicts(entry: Entry, head: Head) -> bool:
    """Whether a service's answer to HEAD is of another representation than the entry (RFC 9111 §4.3.5).

    The entry is stale then. Otherwise it stays as it is: the client's HEAD may have had fields that no shared
    request has, so none of the fields of its answer may reach others.
    """
    if head.status != _OK or entry.status != _OK:
        return False
    length = _value(head.fields, b"content-length")
    return (
        length not in (None, b"%d" % entry.length)
        or _value(head.fields, b"etag") not in (None, entry.etag)
        or _value(head.fields, b"last-modified") not in (None, entry.last_modified)
    )


def _is_of(entry: Entry, fields: Sequence[FieldLine]) -> bool:
    """Whether validators of a 304 are those of the entry; one without any is of the entry that was asked about."""
    etag = _value(fields, b"etag")
    modified = _value(fields, b"last-modified")
    if etag is None:
        return modified is None or entry.last_modified in (None, modified)
    if entry.etag is None:
        return modified is not None and modified == entry.last_modified
    return etag == entry.etag if is_strong(etag) else match_weakly(etag, entry.etag)


def _updated(kept: Sequence[FieldLine], new: Sequence[FieldLine]) -> tuple[FieldLine, ...]:
    """The kept fields, with all lines of each new name in place of the old ones.

    The old Date goes even if there is no new one: the age counts from when the service was asked.
    """
    named = {name.lower() for name, _ in kept}
    coming = [
        (name, value)
        for name, value in new
        if name.lower() not in _OF_THE_BYTES or (name.lower() == b"etag" and b"etag" not in named)
    ]
    gone = {name.lower() for name, _ in coming} | {b"date"}
    staying = [(name, value) for name, value in kept if name.lower() not in gone]
    return (*staying, *coming)


def _value(fields: Sequence[FieldLine], name: bytes) -> bytes | None:
    return next((value for other, value in fields if other.lower() == name), None)
