"""When purges were heard of, so that an answer is known to be from before one."""

from bisect import bisect_right
from typing import Final

MOST_TIMES: Final = 10_000
NOTED_EVERY_S: Final = 0.1


class PurgeTimes:
    """When this worker has heard of purges, so that nothing is taken over that a purge has just taken.

    It may take an earlier purge for a later one, and then an answer is fetched anew; never the other way.
    """

    def __init__(self, revision: int) -> None:
        self._times_s = [float("-inf")]
        self._revisions = [revision]
        #: When the first of those was heard of that are noted as the last one.
        self._began_s = float("-inf")

    def note(self, now_s: float, revision: int) -> None:
        """Note how many purges there have been until now."""
        if revision == self._revisions[-1]:
            return
        if now_s < self._began_s + NOTED_EVERY_S:
            # With the one before, as if both had come now: else all later answers seemed to be from before it.
            self._times_s[-1], self._revisions[-1] = now_s, revision
            return
        self._began_s = now_s
        self._times_s.append(now_s)
        self._revisions.append(revision)
        if len(self._times_s) > MOST_TIMES:
            del self._times_s[1 : MOST_TIMES // 2], self._revisions[1 : MOST_TIMES // 2]

    def revision_at(self, at_s: float) -> int:
        """A number of purges that there had been by then at least."""
        return self._revisions[bisect_right(self._times_s, at_s) - 1]
