"""How many bytes a worker holds of the answers of parts."""

import asyncio

from middlewares.failures import Overloaded

#: No further part is asked, and no answer read on, while answers of this size are held.
MOST_HELD_BYTES = 128 * 1024 * 1024


class Room:
    """Counts the bytes of answers until their requests are over."""

    def __init__(self, most_bytes: int = MOST_HELD_BYTES) -> None:
        self.bytes = 0
        #: Held by the request whose large answers are being put together: that takes many times their size.
        self.large = asyncio.Lock()
        self._most_bytes = most_bytes

    def check(self) -> None:
        """Raise Overloaded where there is no room for another answer."""
        if self.bytes >= self._most_bytes:
            raise Overloaded("answers that are put together take all the memory that they may")

    def take(self, size: int) -> None:
        self.bytes += size

    def give_back(self, size: int) -> None:
        self.bytes -= size
