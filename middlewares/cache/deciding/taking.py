"""Whether what another gateway has kept is taken over."""

from collections.abc import Sequence

from middlewares.cache.deciding.directives import RequestDirectives
from middlewares.cache.deciding.reusing import Use, is_shareable, reuse
from middlewares.cache.entry import Entry


def is_of_use(
    entry: Entry,
    directives: RequestDirectives,
    now_s: float,
    *,
    is_refresh: bool,
    began_s: float | None = None,
    seen: Sequence[Entry] = (),
) -> bool:
    """Whether an entry from elsewhere answers a request. A refresh has a stale answer already, and needs a fresh one.

    What was stored since the request began, at `began_s`, is another gateway's answer to the same request, as if
    the two had been collapsed here. It is told by clocks that differ by the time of a call, so it must not be one of
    the answers that were `seen` when the request began. None: it begins now.
    """
    use = reuse(entry, directives, now_s).use
    if use is Use.FRESH or (use is Use.STALE_WHILE_REVALIDATE and not is_refresh):
        return True
    if began_s is None or entry.stored_s < began_s or entry.is_stale:
        return False
    return is_shareable(entry.freshness) and not any(_is_same(entry, one) for one in seen)


def _is_same(entry: Entry, seen: Entry) -> bool:
    return entry.fields == seen.fields and entry.status == seen.status
