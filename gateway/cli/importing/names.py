"""Names as our file allows them, each given once."""

import re

_CHARACTERS = 63
#: As they stand, YAML takes these for something else than text.
_VALUES = frozenset(["true", "false", "null"])


class Names:
    """Gives out names; a second one like the first gets a number."""

    def __init__(self, otherwise: str) -> None:
        """`otherwise` is what names begin with that would not begin with a letter."""
        self._otherwise = otherwise
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def give(self, text: str) -> str:
        """A new name made of the text."""
        base = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-") or self._otherwise
        if not base[0].isalpha() or base in _VALUES:
            base = f"{self._otherwise}_{base}"
        base = name = base[:_CHARACTERS].rstrip("_-")
        count = self._counts.get(base, 1)
        while name in self._taken:
            count += 1
            name = f"{base[: _CHARACTERS - len(str(count)) - 1]}_{count}"
        self._counts[base] = count
        self._taken.add(name)
        return name
