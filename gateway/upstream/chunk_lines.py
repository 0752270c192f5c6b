"""Chunk-size lines as the parser takes them: spaces and extensions, which say nothing here, are left out."""

import re
from collections.abc import Iterator

#: RFC 9112 §7.1.1; what an extension says is passed over, whatever it is, as nginx and Go do.
_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
#: What may still become such a line.
_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,16}|[0-9A-Fa-f]{1,16}[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r?")
#: So much is looked at at once for the end of a line; a longer line than MOST_BYTES is left alone.
LOOKED_AT = 64
MOST_BYTES = 1024
#: Behind the last chunk, and behind what is no chunk-size line: the parser has the word.
_PASSES_ALL = -1


class ChunkLines:
    """One chunked body on its way to the parser, which thus reads the lengths that were read here."""

    def __init__(self) -> None:
        self._line = b""
        #: Bytes of the chunk under way that are still to come, with the line's end behind them.
        self._left = 0

    def plain(self, data: memoryview) -> Iterator[bytes | memoryview]:
        """The same bytes, each chunk-size line with nothing but its number."""
        while data:
            if self._left == _PASSES_ALL:
                yield data
                return
            if self._left:
                piece = data[: self._left]
                self._left -= len(piece)
                data = data[len(piece) :]
                yield piece
            else:
                line, data = self._next_line(data)
                yield line

    def _next_line(self, data: memoryview) -> tuple[bytes, memoryview]:
        """What to pass on of a line that ends here, begins here or is none, and what is behind it."""
        begun = len(self._line)
        line = self._line + bytes(data[:LOOKED_AT])
        end = line.find(b"\n", begun) + 1
        if end:
            line = line[:end]
        rest = data[len(line) - begun :]
        whole = _LINE.fullmatch(line)
        if whole is not None:
            size = int(whole[1], 16)
            self._line, self._left = b"", size + 2 if size else _PASSES_ALL
            return b"%b\r\n" % whole[1], rest
        if not end and len(line) < MOST_BYTES and _BEGUN.fullmatch(line):
            self._line = line
            return b"", rest
        self._line, self._left = b"", _PASSES_ALL
        return line, rest
