"""Inflates a compressed body piece by piece, within bounds."""

import zlib
from collections.abc import Iterator

#: At most so much comes of one call, whatever a piece holds.
SLICE_BYTES = 64 * 1024
#: A body may become so many times larger, and so much larger in any case; JSON becomes 5 to 50 times larger.
MOST_TIMES = 100
FREE_BYTES = 1024 * 1024
#: The content codings that are read.
CODINGS = frozenset([b"gzip", b"x-gzip", b"deflate"])
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class NotInflated(Exception):
    """The body is not what its coding says, or it becomes too large."""


class Inflater:
    """Inflates gzip (several members too) and deflate; a bomb is left at MOST_TIMES."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._in = 0
        self._out = 0

    def slices(self, piece: bytes) -> Iterator[bytes]:
        """What a piece holds. Raises NotInflated."""
        self._in += len(piece)
        while piece:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                inflated = self._inflate.decompress(piece, SLICE_BYTES)
            except zlib.error as error:
                raise NotInflated from error
            self._out += len(inflated)
            if self._out > self._in * MOST_TIMES + FREE_BYTES:
                raise NotInflated
            if inflated:
                yield inflated
            piece = self._inflate.unconsumed_tail or self._inflate.unused_data
