"""What a split decides: pure functions of weights, identities, counts and times."""

from typing import Any, NamedTuple


class Chosen(NamedTuple):
    """The share that a request goes to, of those of its route's split.

    `place` is its index. `route` and `ranges` are those of the exchange before. `tried` are shares that could
    not answer it. `counts`: what becomes of it is evidence; else a tester has chosen the share, or another one
    has failed before.
    """

    name: str
    place: int
    identity: bytes
    route: Any
    ranges: tuple[Any, ...]
    counts: bool
    tried: tuple[int, ...] = ()
