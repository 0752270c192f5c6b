"""What one worker has of a limit for the whole gateway."""

from typing import NamedTuple


class Share(NamedTuple):
    """The share of the worker in a slot, counted from 0, of so many workers."""

    slot: int = 0
    workers: int = 1

    def of(self, limit: int) -> int:
        """Its part of a limit: the parts add up to the limit, but each worker has at least 1. 0 is no limit."""
        if limit == 0:
            return 0
        return max(1, limit // self.workers + (self.slot < limit % self.workers))


#: That of a gateway of one process.
ALL = Share()
