"""Whether a kept answer may be used for a request (RFC 9111 §4)."""

from enum import Enum
from typing import NamedTuple

from middlewares.cache.deciding.cache_control import MOST_SECONDS
from middlewares.cache.deciding.directives import NO_DIRECTIVES, RequestDirectives
from middlewares.cache.entry import Entry, Freshness


class Use(Enum):
    """What is done with a kept answer."""

    FRESH = "fresh"
    STALE_WHILE_REVALIDATE = "stale-while-revalidate"
    ASK = "ask"


class Reuse(NamedTuple):
    """Use it or not. `age_s` is its Age, `ttl_s` how long it is fresh, below 0 if stale (RFC 9211 §2.6).

    `why` is empty where it is used fresh, and else "stale", "purged", "no-cache" (the answer's) or "request" (the
    client wants a fresher one). A client that accepts stale answers is served as with FRESH, with "stale".
    """

    use: Use
    age_s: int
    ttl_s: int
    why: str = ""


def reuse(entry: Entry, directives: RequestDirectives, now_s: float) -> Reuse:
    """Decide whether the answer serves a request, and with what Age.

    A clock that goes back makes nothing younger than it was when it was stored.
    """
    freshness = entry.freshness
    resident_s = now_s - entry.stored_s
    age_s = freshness.initial_age_s + (resident_s if resident_s > 0 else 0.0)
    left_s = (0.0 if entry.is_stale else freshness.lifetime_s) - age_s
    if left_s > 0 and directives is NO_DIRECTIVES and not freshness.no_cache:
        return Reuse(Use.FRESH, int(age_s), int(left_s))
    why = _why_not_fresh(entry, directives, age_s, left_s)
    use = Use.ASK if why else Use.FRESH
    if why in ("stale", "purged"):
        use = _stale_use(entry, directives, age_s, -left_s)
    return Reuse(use, int(min(age_s, MOST_SECONDS)), int(left_s // 1), why)


def _why_not_fresh(entry: Entry, directives: RequestDirectives, age_s: float, left_s: float) -> str:
    freshness = entry.freshness
    if freshness.no_cache:
        return "no-cache"
    if directives.no_cache:
        return "request"
    if directives.min_fresh_s is not None and left_s < directives.min_fresh_s:
        return "request"
    if left_s <= 0:
        return "purged" if entry.is_stale else "stale"
    # Nobody has to ask again for a fresh answer that never changes (RFC 8246 §2).
    is_too_old = (
        directives.max_age_s is not None
        and age_s > directives.max_age_s
        and not freshness.immutable
    )
    return "request" if is_too_old else ""


def _stale_use(entry: Entry, directives: RequestDirectives, age_s: float, stale_s: float) -> Use:
    """Decide on a stale answer. A client that names a max-age takes no stale one without max-stale (§5.2.1.1)."""
    if entry.freshness.must_revalidate:
        return Use.ASK
    if directives.max_stale_s is not None and stale_s <= directives.max_stale_s:
        return Use.FRESH
    if directives.max_age_s is None and _is_within(
        _expired_s(entry, age_s), entry.freshness.stale_while_revalidate_s
    ):
        return Use.STALE_WHILE_REVALIDATE
    return Use.ASK


def is_shareable(freshness: Freshness) -> bool:
    """Whether an answer may also serve those who asked while it was fetched (RFC 9111 §4, §5.2.2.4).

    One that is never fresh serves only the request that fetched or validated it. How old an answer came does
    not count, since those who waited asked before it was there.
    """
    lasts = freshness.lifetime_s > 0 or freshness.stale_while_revalidate_s > 0
    return lasts and not freshness.no_cache


def instead_of_error(entry: Entry, directives: RequestDirectives, now_s: float) -> bool:
    """Whether the answer may be served because the service failed (RFC 5861 §4).

    A fresh one may, though the client wanted a fresher one, unless it asked for one that was validated: it is
    told then that this failed. One purged softly may too. A kept error may not: it is no better.
    """
    freshness = entry.freshness
    if freshness.no_cache or directives.no_cache or entry.status >= 500:
        return False
    age_s = freshness.initial_age_s + max(0.0, now_s - entry.stored_s)
    if age_s < freshness.lifetime_s and not entry.is_stale:
        return True
    accepted_s = max(
        freshness.stale_if_error_s,
        directives.stale_if_error_s or 0.0,
        directives.max_stale_s or 0.0,
    )
    return _is_within(_expired_s(entry, age_s), accepted_s) and not freshness.must_revalidate


#: Refusals that may be of one request alone: of its fields, its body or its client's speed.
_OF_ONE_REQUEST = frozenset(
    {400, 406, 408, 411, 412, 413, 414, 415, 416, 417, 421, 425, 426, 428, 429, 431}
)
_GONE = frozenset({404, 410})


def is_taken_back(entry: Entry, status: int, now_s: float) -> bool:
    """Whether an entry is of no use any more, since the service has answered something that can't be kept.

    An error of the service tells nothing, nor does a refusal that may be of one request alone: its client could
    end what is kept for all others. While the entry is fresh that may be any refusal, as to one who looks like an
    attacker.
    """
    if status >= 500 or status in _OF_ONE_REQUEST:
        return False
    if status < 400 or status in _GONE:
        return True
    return reuse(entry, NO_DIRECTIVES, now_s).use is not Use.FRESH


def _expired_s(entry: Entry, age_s: float) -> float:
    """For how long the answer's own time has been over.

    One that was purged softly before that has been stale for less than its age, but nobody knows for how long. It
    may be used for as long as without the purge, or a purge of old answers would leave none for an outage.
    """
    return max(0.0, age_s - entry.freshness.lifetime_s)


def _is_within(stale_s: float, accepted_s: float) -> bool:
    """Whether it is no staler than accepted; 0 accepts nothing, not even an answer that has just become stale."""
    return accepted_s > 0 and stale_s <= accepted_s
