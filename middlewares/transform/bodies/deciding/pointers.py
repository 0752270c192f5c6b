"""JSON pointers (RFC 6901) in which `*` stands for every item of an array and every member of an object."""

import re
from collections.abc import Iterable

EVERY = "*"
#: Behind the last item of an array (RFC 6901, section 4).
BEHIND = "-"

#: A pointer has at most so many tokens.
MOST_TOKENS = 64

Pointer = tuple[str, ...]

_INDEX = re.compile("0|[1-9][0-9]{0,8}")


def parse_pointer(text: str) -> Pointer:
    """Take a pointer apart. Raises ValueError with what is wrong."""
    if text and not text.startswith("/"):
        raise ValueError("must be a JSON pointer, which begins with a slash, such as /user/name")
    if re.search("~(?![01])", text):
        raise ValueError("is no JSON pointer: in a name, ~ is written ~0 and / is written ~1")
    tokens = text.split("/")[1:]
    if len(tokens) > MOST_TOKENS:
        raise ValueError(f"must have at most {MOST_TOKENS} names")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)


def written(pointer: Pointer) -> str:
    """The pointer as text."""
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in pointer)


def index_of(token: str) -> int | None:
    """The index that a token is in an array; None: it can be none."""
    return int(token) if _INDEX.fullmatch(token) else None


def is_place(token: str) -> bool:
    """Whether a token is a place in an array, which changes with what stands before it."""
    return token == BEHIND or index_of(token) is not None


def may_meet(one: Pointer, other: Pointer) -> bool:
    """Whether one of the two may lead to what the other leads to, or on the way there."""
    return all(
        mine == theirs or EVERY in (mine, theirs) for mine, theirs in zip(one, other, strict=False)
    )


def any_may_meet(some: Iterable[Pointer], others: Iterable[Pointer]) -> bool:
    others = tuple(others)
    return any(may_meet(one, other) for one in some for other in others)
