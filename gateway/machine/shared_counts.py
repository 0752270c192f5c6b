"""Numbers of several processes in memory that all of them share: a word for each."""

import mmap
import os
import struct

_WORD = struct.Struct("q")
#: A word that nobody has set.
ABSENT = 0


def shared_counts(slots: int) -> int | None:
    """The descriptor of such memory, to be inherited; None where the system has none."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        descriptor = os.memfd_create("lockgate-counts", 0)
    except OSError:  # a sandbox may refuse it
        return None
    os.ftruncate(descriptor, slots * _WORD.size)
    return descriptor


class SharedCounts:
    """One process's view: it sets the word of its own slot, and reads those of the others."""

    def __init__(self, descriptor: int, slots: int, slot: int) -> None:
        self._memory = mmap.mmap(descriptor, slots * _WORD.size)
        self._others = [other * _WORD.size for other in range(slots) if other != slot]
        self._own = slot * _WORD.size
        self._last = ABSENT

    def set(self, count: int) -> None:
        """Say this process's number."""
        self._last = count + 1
        _WORD.pack_into(self._memory, self._own, self._last)

    def leave(self) -> None:
        """Take the number back, unless another process has the slot by now."""
        if _WORD.unpack_from(self._memory, self._own)[0] == self._last:
            _WORD.pack_into(self._memory, self._own, ABSENT)

    def least_of_others(self) -> int | None:
        """The smallest number of another process; None if there is none."""
        least = None
        for at in self._others:
            (word,) = _WORD.unpack_from(self._memory, at)
            if word != ABSENT and (least is None or word < least):
                least = word
        return None if least is None else least - 1
