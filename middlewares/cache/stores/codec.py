"""Writes an entry as bytes for Redis, and reads it again."""

import struct
from itertools import accumulate, pairwise
from math import isfinite

from middlewares.cache.entry import Entry, FieldLine, Freshness

#: Of what an entry is made here; another release may write another one, and reads none of these.
FORMAT = 1
#: What an entry costs Redis besides its bytes, measured with small and large ones.
OVERHEAD_BYTES = 700
MOST_FIELDS = 1000
MOST_TAGS = 1000

#: Format, status, flags, four times of the freshness, and the numbers of fields and of bytes of the phrase, the
#: ETag, Last-Modified and the ready lines.
_FRONT = struct.Struct(">BHB4dHHIII")
_MUST_REVALIDATE, _NO_CACHE, _IMMUTABLE, _HEURISTIC, _ETAG, _LAST_MODIFIED = 1, 2, 4, 8, 16, 32
_FOR_ALL = 64
#: As lua/common.lua puts them in front: '1', stale, when it was stored (ms), bytes, primary key.
_STALE, _STORED, _REST = slice(1, 2), slice(2, 17), 59


class BadRecord(Exception):
    """What Redis has is no entry of this release."""


class Record:
    """The parts of an entry as the script of `keep` takes them."""

    __slots__ = ("body", "own", "size", "tags", "url")

    def __init__(self, entry: Entry) -> None:
        self.url = entry.url
        self.tags = b" ".join(sorted(entry.tags))
        self.own = _own(entry)
        self.body = b"".join(entry.pieces)
        # The URL and each tag stand in an index too.
        texts = 3 * len(self.url) + 2 * len(self.tags) + 80 * len(entry.tags)
        self.size = OVERHEAD_BYTES + texts + len(self.own) + len(self.body)


def is_writable(entry: Entry) -> bool:
    """Whether the lines of a record can hold this entry."""
    return (
        len(entry.fields) <= MOST_FIELDS
        and len(entry.tags) <= MOST_TAGS
        and not _has_a_break(entry.url)
        and not any(_has_a_break(tag) or b" " in tag for tag in entry.tags)
        and len(entry.phrase) < 1 << 16
    )


def read(head: bytes, body: bytes, *, redis_now_ms: int, now_s: float) -> Entry:
    """The entry; `now_s` is by the store's clock, at the time that Redis gave as `redis_now_ms`, or earlier.

    Raises BadRecord.
    """
    try:
        return _read(head, body, redis_now_ms, now_s)
    except (ValueError, IndexError, struct.error) as error:
        raise BadRecord(str(error)) from error


def _read(head: bytes, body: bytes, redis_now_ms: int, now_s: float) -> Entry:
    url, tags, own = head[_REST:].split(b"\n", 2)
    front = _FRONT.unpack_from(own)
    format_, status, flags, age, lifetime, while_, if_error, count, *lengths = front
    if format_ != FORMAT or count > MOST_FIELDS or not 200 <= status <= 999:
        raise ValueError("it is of another format")
    if not all(map(isfinite, (age, lifetime, while_, if_error))):
        raise ValueError("a time is no number")
    at = _FRONT.size + 8 * count + 8
    lengths += struct.unpack_from(f">{2 * count}I", own, _FRONT.size)
    (body_length,) = struct.unpack_from(">Q", own, at - 8)
    texts = [own[a:b] for a, b in pairwise(accumulate(lengths, initial=at))]
    if at + sum(lengths) != len(own) or body_length != len(body):
        raise ValueError("its lengths are not those of its parts")
    phrase, etag, last_modified, ready_lines, *texts = texts
    if any(map(_has_a_break, (phrase, etag, last_modified, *texts))):
        raise ValueError("a field has a line break in it")
    fields = tuple(zip(texts[::2], texts[1::2], strict=True))
    if ready_lines and ready_lines not in _ready(status, phrase, fields, len(body)):
        raise ValueError("its ready lines are not its fields")
    age_ms = redis_now_ms - int(head[_STORED])
    return Entry(
        status,
        phrase,
        fields,
        (body,) if body else (),
        len(body),
        Freshness(
            *(age, lifetime, while_, if_error),
            must_revalidate=bool(flags & _MUST_REVALIDATE),
            no_cache=bool(flags & _NO_CACHE),
            immutable=bool(flags & _IMMUTABLE),
            is_heuristic=bool(flags & _HEURISTIC),
            is_for_all=bool(flags & _FOR_ALL),
        ),
        now_s - max(0, age_ms) / 1000,
        url,
        etag if flags & _ETAG else None,
        last_modified if flags & _LAST_MODIFIED else None,
        frozenset(tags.split()),
        is_stale=head[_STALE] == b"1",
        ready_lines=ready_lines,
    )


def _ready(
    status: int, phrase: bytes, fields: tuple[FieldLine, ...], length: int
) -> tuple[bytes, bytes]:
    """What the ready lines may be, without and with Content-Length.

    They go to clients as they are, so whoever writes to Redis must not be able to say anything else in them.
    """
    lines = b"".join(b"%b: %b\r\n" % line for line in fields)
    whole = b"%d %b\r\n%b" % (status, phrase, lines)
    return whole, b"%bContent-Length: %d\r\n" % (whole, length)


def _own(entry: Entry) -> bytes:
    fresh = entry.freshness
    flags = (
        _MUST_REVALIDATE * fresh.must_revalidate
        | _NO_CACHE * fresh.no_cache
        | _IMMUTABLE * fresh.immutable
        | _HEURISTIC * fresh.is_heuristic
        | _FOR_ALL * fresh.is_for_all
        | _ETAG * (entry.etag is not None)
        | _LAST_MODIFIED * (entry.last_modified is not None)
    )
    etag, last_modified = entry.etag or b"", entry.last_modified or b""
    texts = [part for line in entry.fields for part in line]
    front = _FRONT.pack(
        *(FORMAT, entry.status, flags),
        *(fresh.initial_age_s, fresh.lifetime_s),
        *(fresh.stale_while_revalidate_s, fresh.stale_if_error_s),
        *(len(entry.fields), len(entry.phrase), len(etag), len(last_modified)),
        len(entry.ready_lines),
    )
    lengths = struct.pack(f">{len(texts)}IQ", *map(len, texts), entry.length)
    return b"".join((front, lengths, entry.phrase, etag, last_modified, entry.ready_lines, *texts))


def _has_a_break(text: bytes) -> bool:
    return b"\n" in text or b"\r" in text or b"\0" in text
