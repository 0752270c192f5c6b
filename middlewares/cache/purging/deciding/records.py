"""What stands in the registry's log of purges."""

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from middlewares.cache.stores.store import EVERYTHING as EVERYTHING
from middlewares.cache.stores.store import Purge

_LETTERS: Final[dict[Literal["url", "prefix", "tag"], str]] = {
    "url": "u",
    "prefix": "p",
    "tag": "t",
}
_KINDS: Final = {letter: kind for kind, letter in _LETTERS.items()}


class InvalidRecord(Exception):
    """Nobody can tell what a record of the log purges."""


def encode(purges: Sequence[Purge]) -> str:
    """Purges as one record: a list of kind, value and softness."""
    # Latin-1 has a character for each byte, so any URL comes back as it was.
    rows = [[_LETTERS[one.kind], one.value.decode("latin-1"), int(one.soft)] for one in purges]
    return json.dumps(rows, separators=(",", ":"))


def decode(record: bytes) -> list[Purge]:
    """The purges of a record. Raises InvalidRecord."""
    try:
        return [_purge(row) for row in json.loads(record)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidRecord(f"a record of the log of purges can't be read: {error}") from None


def _purge(row: Any) -> Purge:
    letter, value, soft = row
    return Purge(_KINDS[letter], value.encode("latin-1"), bool(soft))
