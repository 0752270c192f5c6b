"""Whether an answer is kept, and what of it (RFC 9111 §3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from middlewares.cache.deciding.dates import http_date, imf_date
from middlewares.cache.deciding.directives import (
    RequestDirectives,
    ResponseDirectives,
    response_directives,
)
from middlewares.cache.deciding.freshness import CACHEABLE_BY_DEFAULT, values, worked_out
from middlewares.cache.deciding.varying import vary_names
from middlewares.cache.entry import FieldLine, Freshness, Head
from middlewares.cache.policy import CachePolicy


@dataclass(frozen=True, slots=True)
class Requested:
    """What of a request decides whether its answer is kept.

    `has_credentials`: it told who called, in whatever way. `is_keyed_by_subject`: its key holds who that is.
    """

    method: str
    has_credentials: bool
    directives: RequestDirectives
    is_keyed_by_subject: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of an answer, all but its body; see Entry.

    `own_fields` are those that only the client gets who asked for it, by `no-cache="…"` or `private="…"`.
    """

    fields: tuple[FieldLine, ...]
    freshness: Freshness
    vary: tuple[bytes, ...]
    etag: bytes | None
    last_modified: bytes | None
    tags: frozenset[bytes]
    own_fields: tuple[FieldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class NotKept:
    """Why an answer is not kept, as a token for Cache-Status (RFC 9211 §2.8).

    `method` | `status` | `partial` | `request-no-store` | `no-store` | `private` | `must-understand` |
    `authorization` | `set-cookie` | `vary` | `tags` | `too-large` | `no-cache` | `no-freshness`
    """

    why: str


def judge(
    request: Requested, head: Head, policy: CachePolicy, *, requested_s: float, responded_s: float
) -> Kept | NotKept:
    """Decide on an answer by its head; both times are Unix seconds of the wall clock."""
    directives = response_directives(head.fields, policy.targeted)
    if why := _forbidden(request, head, directives, policy):
        return NotKept(why)
    fields, own_fields = _parted(head.fields, directives, policy)
    vary = vary_names(head.fields, is_keyed_by_subject=request.is_keyed_by_subject)
    tags = _tags(head.fields)
    if values(fields, b"set-cookie"):
        return NotKept("set-cookie")
    if vary is None:
        return NotKept("vary")
    if len(tags) > _MOST_TAGS:
        return NotKept("tags")
    if not _may_be_kept(head, directives):
        return NotKept("no-freshness")
    freshness = worked_out(
        head.status,
        head.fields,
        directives,
        policy,
        requested_s=requested_s,
        responded_s=responded_s,
    )
    etag, last_modified = _etag(fields), _last_modified(fields, responded_s)
    if etag is None and last_modified is None and (why := _useless(freshness)):
        return NotKept(why)
    if not values(fields, b"date"):
        # Who keeps an answer without Date adds it (RFC 9110 §6.6.1).
        fields.append((b"Date", imf_date(responded_s)))
    return Kept(
        tuple(fields), freshness, vary, etag, last_modified, tags, own_fields=tuple(own_fields)
    )


#: The final statuses of RFC 9110 §15 whose caching is as for any other one: not 206 and 304.
_UNDERSTOOD = frozenset(
    {
        *range(200, 206),
        *range(300, 304),
        305,
        307,
        308,
        *range(400, 418),
        421,
        422,
        426,
        *range(500, 506),
    }
)

_METHODS = frozenset({"GET", "QUERY"})
_MOST_TAGS = 256


def _forbidden(
    request: Requested, head: Head, directives: ResponseDirectives, policy: CachePolicy
) -> str:
    """Why an answer must not be kept, in the order of RFC 9111 §3; empty if nothing forbids it."""
    if request.method not in _METHODS:
        return "method"
    if head.status < 200 or head.status == 304:
        return "status"
    if head.status == 206:
        return "partial"
    if request.directives.no_store:
        return "request-no-store"
    if directives.must_understand and head.status not in _UNDERSTOOD:
        return "must-understand"
    # Who understands the status leaves a no-store beside must-understand out of account (§5.2.2.3).
    if directives.no_store and not directives.must_understand:
        return "no-store"
    if directives.is_private:
        return "private"
    if (
        request.has_credentials
        and not request.is_keyed_by_subject
        and not _allows_credentials(directives)
    ):
        return "authorization"
    return "too-large" if head.length is not None and head.length > policy.object_bytes else ""


def _allows_credentials(directives: ResponseDirectives) -> bool:
    """Whether an answer to one who told who they are may go to others (§3.5)."""
    return directives.is_public or directives.must_revalidate or directives.s_maxage_s is not None


def _may_be_kept(head: Head, directives: ResponseDirectives) -> bool:
    """Whether something in the answer allows to keep it (the last condition of §3)."""
    says_how_long = directives.max_age_s is not None or directives.s_maxage_s is not None
    if says_how_long or directives.is_public or head.status in CACHEABLE_BY_DEFAULT:
        return True
    return not directives.is_targeted and bool(values(head.fields, b"expires"))


def _useless(freshness: Freshness) -> str:
    """Why an answer that cannot be validated is of no use; empty if it may be served some time."""
    if freshness.no_cache:
        return "no-cache"
    serves_stale = freshness.stale_while_revalidate_s or freshness.stale_if_error_s
    return "" if freshness.lifetime_s > 0 or serves_stale else "no-freshness"


#: Fields that are of one connection, or that are written anew for each use (§3.1).
_NEVER_KEPT = frozenset(
    {
        b"age",
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def _parted(
    fields: Sequence[FieldLine], directives: ResponseDirectives, policy: CachePolicy
) -> tuple[list[FieldLine], list[FieldLine]]:
    """The fields that are kept, and those that only the client gets whose request it was (§5.2.2.4, §5.2.2.7)."""
    named = {
        name.strip(b" \t").lower()
        for line in values(fields, b"connection")
        for name in line.split(b",")
    }
    left_out = _NEVER_KEPT | named
    if policy.strip_set_cookie:
        left_out |= {b"set-cookie"}
    own = directives.no_cache_fields | directives.private_fields
    some = [line for line in fields if line[0].lower() not in left_out]
    if not own:
        return some, []
    kept = [line for line in some if line[0].lower() not in own]
    return kept, [line for line in some if line[0].lower() in own]


def _tags(fields: Sequence[FieldLine]) -> frozenset[bytes]:
    """The tags of Cache-Tag, parted by commas, and of Surrogate-Key, parted by spaces."""
    tags = {tag.strip(b" \t") for line in values(fields, b"cache-tag") for tag in line.split(b",")}
    tags.update(tag for line in values(fields, b"surrogate-key") for tag in line.split())
    return frozenset(tags - {b""})


_ETAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"|[\x21\x23-\x29\x2b\x2d-\x7e]+')


def _etag(fields: Sequence[FieldLine]) -> bytes | None:
    """The answer's ETag; None if there is none, or several.

    One without quotes is invalid, and taken though, as instances compare them byte by byte. One of `*` is not:
    in If-None-Match it would mean whatever there is.
    """
    lines = values(fields, b"etag")
    return lines[0] if len(lines) == 1 and _ETAG.fullmatch(lines[0]) else None


def _last_modified(fields: Sequence[FieldLine], responded_s: float) -> bytes | None:
    lines = values(fields, b"last-modified")
    return lines[0] if len(lines) == 1 and http_date(lines[0], responded_s) is not None else None
