"""Whether what another gateway has kept is taken over."""

from bisect import bisect_right
from typing import Final

from middlewares.cache.deciding.directives import RequestDirectives
from middlewares.cache.deciding.reusing import Use, is_shareable, reuse
from middlewares.cache.entry import Entry

MOST_TIMES: Final = 1024
NOTED_EVERY_S: Final = 1.0


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


class PurgeTimes:
    """When this worker has heard of purges, so that nothing is taken over that a purge has just taken.

    It may take an earlier purge for a later one, and then an entry is fetched anew; never the other way.
    """

    def __init__(self, revision: int) -> None:
        self._times_s = [float("-inf")]
        self._revisions = [revision]

    def note(self, now_s: float, revision: int) -> None:
        """Note how many purges there have been until now."""
        if revision == self._revisions[-1] or now_s < self._times_s[-1] + NOTED_EVERY_S:
            return
        self._times_s.append(now_s)
        self._revisions.append(revision)
        if len(self._times_s) > MOST_TIMES:
            del self._times_s[1 : MOST_TIMES // 2], self._revisions[1 : MOST_TIMES // 2]

    def revision_at(self, at_s: float) -> int:
        """A number of purges that there had been by then at least."""
        return self._revisions[bisect_right(self._times_s, at_s) - 1]
