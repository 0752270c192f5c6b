"""Whether an answer is kept, and what of it (RFC 9111 §3)."""

import re
from dataclasses import dataclass

from middlewares.cache.deciding.dates import http_date, imf_date
from middlewares.cache.deciding.directives import (
    RequestDirectives,
    ResponseDirectives,
    response_directives,
)
from middlewares.cache.deciding.freshness import CACHEABLE_BY_DEFAULT, worked_out
from middlewares.cache.deciding.lines import NO_LINES, Lines, lines_by_name
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


#: Reasons that lie in what one client asked for: the next one's answer may be kept.
OF_ONE_REQUEST = frozenset({"method", "status", "partial", "request-no-store"})


def judge(
    request: Requested, head: Head, policy: CachePolicy, *, requested_s: float, responded_s: float
) -> Kept | NotKept:
    """Decide on an answer by its head; both times are Unix seconds of the wall clock."""
    lines = lines_by_name(head.fields)
    directives = response_directives(lines, policy.targeted)
    why = _forbidden(request, head, directives, policy) or _unsaid(head, lines, directives)
    if why:
        return NotKept(why)
    left_out, own = _left_out(lines, policy), directives.no_cache_fields | directives.private_fields
    if b"set-cookie" in lines and b"set-cookie" not in left_out and b"set-cookie" not in own:
        return NotKept("set-cookie")
    vary = _vary(request, head, lines)
    if vary is None:
        return NotKept("vary")
    tags = _tags(lines)
    if len(tags) > _MOST_TAGS:
        return NotKept("tags")
    freshness = worked_out(
        head.status, lines, directives, policy, requested_s=requested_s, responded_s=responded_s
    )
    kept_lines = {name: lines[name] for name in lines.keys() - left_out - own}
    etag, last_modified = _etag(kept_lines), _last_modified(kept_lines, responded_s)
    if etag is None and last_modified is None and (why := _useless(freshness)):
        return NotKept(why)
    fields = [line for line in head.fields if line[0].lower() in kept_lines]
    if b"date" not in kept_lines:
        # Who keeps an answer without Date adds it (RFC 9110 §6.6.1).
        fields.append((b"Date", imf_date(responded_s)))
    own -= left_out
    own_fields = tuple(line for line in head.fields if line[0].lower() in own) if own else ()
    return Kept(tuple(fields), freshness, vary, etag, last_modified, tags, own_fields)


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
    if request.has_credentials and not request.is_keyed_by_subject and not directives.is_for_all:
        return "authorization"
    return "too-large" if head.length is not None and head.length > policy.object_bytes else ""


def _unsaid(head: Head, lines: Lines, directives: ResponseDirectives) -> str:
    """Why an answer is not kept that nothing allows to keep (the last condition of §3); empty if something does."""
    says_how_long = directives.max_age_s is not None or directives.s_maxage_s is not None
    if says_how_long or directives.is_public or head.status in CACHEABLE_BY_DEFAULT:
        return ""
    return "" if b"expires" in lines and not directives.is_targeted else "no-freshness"


def _vary(request: Requested, head: Head, lines: Lines) -> tuple[bytes, ...] | None:
    if b"vary" not in lines:
        return ()
    return vary_names(head.fields, is_keyed_by_subject=request.is_keyed_by_subject)


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


def _left_out(lines: Lines, policy: CachePolicy) -> frozenset[bytes]:
    """The fields that nobody gets of an answer that is kept."""
    names = _NEVER_KEPT
    if b"connection" in lines:
        named = b",".join(lines[b"connection"]).lower().split(b",")
        names |= {name.strip(b" \t") for name in named}
    return names | {b"set-cookie"} if policy.strip_set_cookie else names


def _tags(lines: Lines) -> frozenset[bytes]:
    """The tags of Cache-Tag and Surrogate-Key, parted by commas or spaces in both.

    Services mix the two up, and a tag with either in it could not be named in a purge.
    """
    if b"cache-tag" not in lines and b"surrogate-key" not in lines:
        return frozenset()
    both = (*lines.get(b"cache-tag", ()), *lines.get(b"surrogate-key", ()))
    return frozenset(tag for line in both for tag in line.replace(b",", b" ").split())


_ETAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"|[\x21\x23-\x29\x2b\x2d-\x7e]+')


def _etag(kept: Lines) -> bytes | None:
    """The answer's ETag; None if there is none, or several.

    One without quotes is invalid, and taken though, as instances compare them byte by byte. One of `*` is not:
    in If-None-Match it would mean whatever there is.
    """
    lines = kept.get(b"etag", NO_LINES)
    return lines[0] if len(lines) == 1 and _ETAG.fullmatch(lines[0]) else None


def _last_modified(kept: Lines, responded_s: float) -> bytes | None:
    lines = kept.get(b"last-modified", NO_LINES)
    return lines[0] if len(lines) == 1 and http_date(lines[0], responded_s) is not None else None
