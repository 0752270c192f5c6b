"""The memories that one worker keeps for passing heads on."""

from collections.abc import Callable
from typing import TypeVar

from middlewares.memory import Memory

NAMES = 1024
#: Longer names are rare, and are looked up in the table each time.
NAME_BYTES = 64
BLOCKS = 8192
BLOCK_BYTES = 512

#: Peer, scheme, host and prefix determine X-Forwarded-* and Via of an ordinary request.
Sender = tuple[str, str, bytes | None, str]

V = TypeVar("V")


class FieldRules(Memory[bytes, V]):
    """Remembers what happens to each field; `rules[name]` decides for a new name.

    A call for each field costs more than the lookup, so a loop over a section first counts all fields as
    hits.
    """

    __slots__ = ("_think",)

    def __init__(self, name: str, think: Callable[[bytes], V]) -> None:
        super().__init__(name, entries=NAMES, entry_bytes=NAME_BYTES)
        self._think = think

    def __missing__(self, name: bytes) -> V:
        super().__missing__(name)
        return self.keep(name, self._think(name), len(name))


#: The lines that are added for each sender.
SenderMemory = Memory[Sender, bytes]


def sender_memory() -> SenderMemory:
    return Memory("added_fields", entries=BLOCKS, entry_bytes=BLOCK_BYTES)
