"""A kept answer, and what is kept under one key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FieldLine = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Freshness:
    """What decides how long an answer is fresh, worked out once, when it is stored; times are seconds.

    `initial_age_s` is its age when it was stored (corrected_initial_age of RFC 9111 §4.2.3), `lifetime_s` its
    freshness_lifetime. The next two say how long it may be used after that, while it is validated or instead
    of an error (RFC 5861). `must_revalidate`: never stale without asking, whatever a client accepts.
    `no_cache`: never without asking, not even fresh. `is_for_all`: the answer says that it is for anybody,
    with and without credentials.
    """

    initial_age_s: float
    lifetime_s: float
    stale_while_revalidate_s: float = 0.0
    stale_if_error_s: float = 0.0
    must_revalidate: bool = False
    no_cache: bool = False
    immutable: bool = False
    is_heuristic: bool = False
    is_for_all: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A complete answer; it is never changed, so it is shared by all that serve it.

    `fields` are those that any client gets, in order, with neither Age nor Content-Length nor those of one
    connection. `pieces` are the body's bytes, `length` their sum. `stored_s` is by the store's clock. `url` is
    scheme, host and target, for purges. `tags` are those of Cache-Tag and Surrogate-Key.
    """

    status: int
    phrase: bytes
    fields: tuple[FieldLine, ...]
    pieces: tuple[bytes, ...]
    length: int
    freshness: Freshness
    stored_s: float
    url: bytes
    etag: bytes | None = None
    last_modified: bytes | None = None
    tags: frozenset[bytes] = frozenset()
    #: Purged softly: stale from then on, as by `lifetime_s` 0.
    is_stale: bool = False
    #: The status and the fields as they go to any client; b"" if they must be chosen one by one.
    ready_lines: bytes = b""


@dataclass(frozen=True, slots=True)
class Variants:
    """All that is kept under one primary key: `vary` has the names, in lower case and in order, that tell the
    entries apart, and each entry stands under its secondary key (deciding/varying.py).
    """

    vary: tuple[bytes, ...]
    entries: Mapping[bytes, Entry]


@dataclass(frozen=True, slots=True)
class Head:
    """What the cache sees of an instance's answer: status, phrase, and fields, Connection among them.

    `length` None: it is not known before the end.
    """

    status: int
    phrase: bytes
    fields: Sequence[FieldLine]
    length: int | None
