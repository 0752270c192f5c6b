"""Whether what another gateway has kept is taken over."""

from middlewares.cache.deciding.directives import RequestDirectives
from middlewares.cache.deciding.reusing import Use, is_shareable, reuse
from middlewares.cache.entry import Entry


def is_of_use(
    entry: Entry,
    directives: RequestDirectives,
    now_s: float,
    *,
    began_s: float,
    is_refresh: bool,
) -> bool:
    """Whether an entry from elsewhere answers a request that began at `began_s`.

    What was stored since then is another gateway's answer to the same request, as if the two had been
    collapsed here. A refresh has a stale answer already, and needs a fresh one.
    """
    use = reuse(entry, directives, now_s).use
    if use is Use.FRESH or (use is Use.STALE_WHILE_REVALIDATE and not is_refresh):
        return True
    is_new = entry.stored_s >= began_s and not entry.is_stale
    return is_new and is_shareable(entry.freshness)
