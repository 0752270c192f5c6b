"""A queue in which each client waits behind its own entries alone."""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class FairQueue(Generic[T]):
    """The entries of many clients; the clients take turns, and each has its entries in their order.

    It holds at most `most` entries, and `most_each` of one client.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._length = 0
        #: The client whose turn it is stands first; none is there without an entry.
        self._waiting: dict[str, deque[T]] = {}

    def __len__(self) -> int:
        return self._length

    def put(self, client: str, entry: T) -> bool:
        """Add an entry behind the client's others; False if there is no room for it."""
        own = self._waiting.get(client)
        if self._length >= self._most or (own is not None and len(own) >= self._most_each):
            return False
        if own is None:
            own = self._waiting[client] = deque()
        own.append(entry)
        self._length += 1
        return True

    def pop(self) -> T | None:
        """Take the first entry of the client whose turn it is; None: nobody waits."""
        client = next(iter(self._waiting), None)
        if client is None:
            return None
        own = self._waiting.pop(client)
        entry = own.popleft()
        self._length -= 1
        if own:
            self._waiting[client] = own  # the last in turn from here on
        return entry

    def remove(self, client: str, entry: T) -> None:
        """Take out an entry that no longer waits, if it is still there."""
        own = self._waiting.get(client)
        if own is None or entry not in own:
            return
        own.remove(entry)
        self._length -= 1
        if not own:
            del self._waiting[client]
