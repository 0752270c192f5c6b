"""Which of a route's answers are compressed, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

#: What compresses well and is not compressed already.
DEFAULT_TYPES: Final = (
    b"text/*",
    b"application/json",
    b"application/*+json",
    b"application/xml",
    b"application/*+xml",
    b"application/javascript",
    b"application/x-ndjson",
    b"application/wasm",
    b"image/svg+xml",
)
#: How hard each coding tries where the file says nothing; the first is the one that is preferred.
DEFAULT_LEVELS: Final[Mapping[bytes, int]] = MappingProxyType({b"zstd": 3, b"br": 4, b"gzip": 5})
#: All that are known, in the order in which they are preferred.
CODINGS: Final = tuple(DEFAULT_LEVELS)


class MediaTypes:
    """Patterns of media types: `text/html`, `text/*`, `application/*+json`, all in lower case."""

    def __init__(self, patterns: tuple[bytes, ...]) -> None:
        parted = [pattern.partition(b"*") for pattern in patterns]
        self._exact = frozenset(before for before, star, _ in parted if not star)
        self._ends = tuple((before, after) for before, star, after in parted if star)

    def has(self, content_type: bytes) -> bool:
        """Whether a value of Content-Type, with or without parameters, is one of them."""
        media_type = content_type.partition(b";")[0].strip(b" \t").lower()
        return media_type in self._exact or any(
            media_type.startswith(before)
            and media_type.endswith(after)
            and len(media_type) > len(before) + len(after)
            for before, after in self._ends
        )


@dataclass(frozen=True)
class CompressPolicy:
    """The settings of one route's compression; names are in lower case.

    An answer is compressed if its media type is one of `types` and its body has more than `over_bytes`, or an
    unknown length. `encodings` are those that are used, the most preferred first; `levels` has the level of each.
    `event_streams`: those are compressed too, and flushed after each piece.
    """

    types: tuple[bytes, ...] = DEFAULT_TYPES
    over_bytes: int = 1024
    encodings: tuple[bytes, ...] = (b"zstd", b"gzip")
    levels: tuple[tuple[bytes, int], ...] = tuple(DEFAULT_LEVELS.items())
    event_streams: bool = False

    @cached_property
    def media_types(self) -> MediaTypes:
        return MediaTypes(self.types)

    def level(self, encoding: bytes) -> int:
        return dict(self.levels).get(encoding, DEFAULT_LEVELS[encoding])
