"""What turned out not to be storable: nobody waits for another one's answer there."""

from collections import OrderedDict

#: A mark ends so long after the last answer that could not be stored.
MARKED_S = 120.0
#: The most marks of one worker; the oldest goes.
MOST_MARKS = 50_000


class Marks:
    """Hit-for-miss marks by key."""

    def __init__(self) -> None:
        self._until_s: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until_s)

    def has(self, key: bytes, now_s: float) -> bool:
        until_s = self._until_s.get(key)
        if until_s is None:
            return False
        if until_s > now_s:
            return True
        del self._until_s[key]
        return False

    def set(self, key: bytes, now_s: float) -> None:
        self._until_s[key] = now_s + MARKED_S
        self._until_s.move_to_end(key)
        if len(self._until_s) > MOST_MARKS:
            self._until_s.popitem(last=False)

    def remove(self, key: bytes) -> None:
        self._until_s.pop(key, None)
