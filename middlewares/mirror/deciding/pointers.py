"""JSON pointers (RFC 6901) of what is not compared, in which `*` stands for any member or element."""

import re
from collections.abc import Iterable
from typing import Final

ANY: Final = "*"
#: A file has no longer pointer, and an escape is ~0 or ~1.
MOST_CHARACTERS: Final = 512
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")

Tokens = tuple[str, ...]


def parse_pattern(text: str) -> Tokens:
    """The reference tokens of a pointer that may have `*`. Raises ValueError with the rule."""
    if len(text) > MOST_CHARACTERS or not _POINTER.fullmatch(text):
        raise ValueError(
            "must be a JSON pointer such as /items/0/id, or /items/*/id for every element; in a name / is "
            "written ~1, and ~ is written ~0"
        )
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def pointer_text(tokens: Iterable[str]) -> str:
    """A pointer as text; that of the whole document is empty."""
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


class Ignored:
    """A place in the tree of ignored pointers: what is ignored below it."""

    __slots__ = ("below", "is_all")

    def __init__(self) -> None:
        self.below: dict[str, Ignored] = {}
        #: Everything here and below is ignored.
        self.is_all = False


#: Where a walk stands in the tree: `*` and a name may both lead on.
Places = tuple[Ignored, ...]


def ignoring(patterns: Iterable[Tokens]) -> Places:
    """The tree of these pointers, at its root."""
    root = Ignored()
    for tokens in patterns:
        place = root
        for token in tokens:
            place = place.below.setdefault(token, Ignored())
        place.is_all = True
    return (root,) if root.below else ()


def ignored_below(places: Places, token: str) -> Places | None:
    """Where a step leads in the tree; None: what is there is ignored."""
    if not places:
        return places
    found = [
        below
        for place in places
        for name in {token, ANY}
        if (below := place.below.get(name)) is not None
    ]
    return None if any(one.is_all for one in found) else tuple(found)
