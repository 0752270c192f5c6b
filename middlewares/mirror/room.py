"""Room for the bodies of copies in a worker's memory."""


class Room:
    """So many bytes may be held at a time."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes

    def take(self, size: int) -> bool:
        """Take room for so many bytes; False: there is not as much."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give(self, size: int) -> None:
        """Give back what was taken."""
        self._left += size
