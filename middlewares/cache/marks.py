"""What turned out not to be storable: nobody waits for another one's answer there."""

from collections import OrderedDict

#: A mark ends so long after the last answer that could not be stored.
MARKED_S = 120.0
#: The most marks of one worker; the oldest goes.
MOST_MARKS = 20_000


class Marks:
    """Hit-for-miss marks by key."""

    def __init__(self) -> None:
        self._marks: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._marks)

    def has(self, key: bytes, now_s: float) -> bool:
        return self.why(key, now_s) is not None

    def why(self, key: bytes, now_s: float) -> str | None:
        """Why the last answer could not be kept; None: it has no mark."""
        mark = self._marks.get(key)
        if mark is None:
            return None
        until_s, why = mark
        if until_s > now_s:
            return why
        del self._marks[key]
        return None

    def set(self, key: bytes, now_s: float, why: str) -> None:
        self._marks[key] = (now_s + MARKED_S, why)
        self._marks.move_to_end(key)
        if len(self._marks) > MOST_MARKS:
            self._marks.popitem(last=False)

    def remove(self, key: bytes) -> None:
        self._marks.pop(key, None)
