"""Tells whether a segment of a path is another one with a slip of the keyboard in it."""

from typing import Final

#: Shorter names are like too many others; longer ones are not compared.
_SHORTEST: Final = 3
_LONGEST: Final = 64


def alike(asked: str, name: str) -> bool:
    """Whether one character is missing, too many, another one or exchanged with the next, or the case differs."""
    size, other = len(asked), len(name)
    if not -1 <= size - other <= 1 or min(size, other) < _SHORTEST or size > _LONGEST:
        return False
    asked, name = asked.lower(), name.lower()
    # With one slip, what is before the middle is the same, or what is behind it.
    middle = max(size, other) // 2 + 1
    if not name.startswith(asked[: middle - 2]) and not name.endswith(asked[middle:]):
        return False
    at = _shared(asked, name)
    asked, name = asked[at:], name[at:]
    if asked[1:] == name[1:] or asked == name[1:] or asked[1:] == name:
        return True
    return asked[1::-1] + asked[2:] == name


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
