"""Which share testers mean by the value of a header or cookie."""

from middlewares.memory import Memory
from middlewares.split.deciding.weights import Unclear, named_by
from middlewares.split.policy import Share

MOST_BYTES = 64
_PARTS = 3


def meant_by(word: str, shares: tuple[Share, ...]) -> int | None:
    """The share of this name, or the only one whose range has this version; None: none is meant."""
    names = [share.name for share in shares]
    try:
        return names.index(named_by(word, names))
    except Unclear:
        pass
    numbers = word.removeprefix("v").split(".")
    version = ".".join(numbers + ["0"] * (_PARTS - len(numbers)))
    meant = [
        index
        for index, share in enumerate(shares)
        if share.range is not None and not share.range.is_any and share.range.holds(version)
    ]
    return meant[0] if len(meant) == 1 else None


class Overrides:
    """Remembers what values mean."""

    def __init__(self, shares: tuple[Share, ...]) -> None:
        self._shares = shares
        self._met: Memory[bytes, int | None] = Memory(
            "split_overrides", entries=256, entry_bytes=MOST_BYTES
        )

    def meant(self, value: bytes | None) -> int | None:
        """The index of the share that a value means; None: none."""
        if not value or len(value) > MOST_BYTES:
            return None
        found = self._met.recall(value)
        if found is None:
            found = meant_by(value.decode("utf-8", "replace").strip(), self._shares)
            if found is not None:
                self._met.keep(value, found, len(value))
        return found
