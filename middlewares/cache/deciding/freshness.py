"""How long an answer is fresh, and how old it came (RFC 9111 §4.2)."""

from middlewares.cache.deciding.cache_control import MOST_SECONDS, seconds
from middlewares.cache.deciding.dates import http_date
from middlewares.cache.deciding.directives import ResponseDirectives
from middlewares.cache.deciding.lines import NO_LINES, Lines
from middlewares.cache.entry import Freshness
from middlewares.cache.policy import CachePolicy

#: Statuses that may be kept without the answer saying so (RFC 9110 §15.1); 206 is not, as no parts are kept.
CACHEABLE_BY_DEFAULT = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})

_MOST_HEURISTIC_S = 86_400.0
_DAY_SHARE = 0.1


def worked_out(
    status: int,
    lines: Lines,
    directives: ResponseDirectives,
    policy: CachePolicy,
    *,
    requested_s: float,
    responded_s: float,
) -> Freshness:
    """Work out an answer's freshness; times are Unix seconds.

    An answer that says nothing has the lifetime 0, so it is validated each time.
    """
    date_s = _date(lines, responded_s)
    lifetime_s = _explicit_lifetime(lines, directives, date_s, responded_s)
    is_heuristic = False
    if lifetime_s is None:
        is_cacheable = directives.is_public or status in CACHEABLE_BY_DEFAULT
        modified_s = _last_modified(lines, responded_s) if is_cacheable else None
        if is_cacheable and policy.default_ttl_s > 0:
            lifetime_s = policy.default_ttl_s
        elif modified_s is not None:
            lifetime_s = min(_MOST_HEURISTIC_S, max(0.0, (date_s - modified_s) * _DAY_SHARE))
            is_heuristic = True
    # s-maxage says the same as proxy-revalidate (§5.2.2.10).
    must_revalidate = (
        directives.must_revalidate
        or directives.proxy_revalidate
        or directives.s_maxage_s is not None
    )
    may_be_stale = not must_revalidate and not directives.no_cache
    # The route prolongs what is fresh for some time. It does not make others share what is never fresh.
    is_prolonged = bool(lifetime_s)
    return Freshness(
        initial_age_s=_initial_age(lines, date_s, requested_s, responded_s),
        lifetime_s=min(lifetime_s or 0.0, MOST_SECONDS),
        stale_while_revalidate_s=_stale(
            directives.stale_while_revalidate_s,
            policy.stale_while_revalidate_s if is_prolonged else 0.0,
            may_be_stale,
        ),
        stale_if_error_s=_stale(
            directives.stale_if_error_s,
            policy.stale_if_error_s if is_prolonged else 0.0,
            may_be_stale,
        ),
        must_revalidate=must_revalidate,
        no_cache=directives.no_cache,
        immutable=directives.immutable,
        is_heuristic=is_heuristic,
        is_for_all=directives.is_for_all,
    )


def _explicit_lifetime(
    lines: Lines, directives: ResponseDirectives, date_s: float, responded_s: float
) -> float | None:
    """What the answer says of its lifetime, in the order of §4.2.1; None if nothing."""
    if directives.s_maxage_s is not None:
        return directives.s_maxage_s
    if directives.max_age_s is not None:
        return directives.max_age_s
    expires = lines.get(b"expires", NO_LINES)
    if not expires or directives.is_targeted:
        return None
    # One that is no date is past (§5.3); of several, the first one to come is taken.
    dates = [http_date(value, responded_s) for value in expires]
    known = [at_s for at_s in dates if at_s is not None]
    return max(0.0, min(known) - date_s) if len(known) == len(dates) else 0.0


def _initial_age(lines: Lines, date_s: float, requested_s: float, responded_s: float) -> float:
    """corrected_initial_age of §4.2.3; a clock that goes back while the service answers makes no delay."""
    apparent_age_s = max(0.0, responded_s - date_s)
    corrected_age_s = _age(lines) + max(0.0, responded_s - requested_s)
    return min(max(apparent_age_s, corrected_age_s), MOST_SECONDS)


def _age(lines: Lines) -> float:
    """Read Age: the first of several values counts, and one that is no number of seconds is ignored (§5.1)."""
    ages = lines.get(b"age", NO_LINES)
    if not ages:
        return 0.0
    age_s = seconds(ages[0].partition(b",")[0].strip(b" \t"))
    return 0.0 if age_s is None else age_s


def _date(lines: Lines, responded_s: float) -> float:
    """When the answer was made: the earliest Date, or else when it came (RFC 9110 §6.6.1)."""
    dates = [http_date(value, responded_s) for value in lines.get(b"date", NO_LINES)]
    return min((at_s for at_s in dates if at_s is not None), default=responded_s)


def _last_modified(lines: Lines, responded_s: float) -> float | None:
    dates = lines.get(b"last-modified", NO_LINES)
    return http_date(dates[0], responded_s) if len(dates) == 1 else None


def _stale(said_s: float | None, default_s: float, may_be_stale: bool) -> float:
    return min(default_s if said_s is None else said_s, MOST_SECONDS) if may_be_stale else 0.0
