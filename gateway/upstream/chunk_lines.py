"""Chunk-size lines as the parser takes them: spaces and extensions, which say nothing here, are left out."""

import re
from collections.abc import Iterator

#: RFC 9112 §7.1.1; what an extension says is passed over, whatever it is, as nginx and Go do.
_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
#: One in which there is nothing to change.
_PLAIN_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")
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
        """The same bytes, each chunk-size line with nothing but its number; in as few pieces as there can be."""
        begun = at = 0
        while at < len(data):
            if self._left == _PASSES_ALL:
                at = len(data)
            elif self._left:
                there = min(self._left, len(data) - at)
                self._left -= there
                at += there
            elif not self._line and (line := _PLAIN_LINE.match(data, at)):
                at = line.end()
                self._left = _left_behind(line)
            else:
                yield data[begun:at]
                changed, rest = self._next_line(data[at:])
                yield changed
                begun = at = len(data) - len(rest)
        yield data[begun:]

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
            self._line, self._left = b"", _left_behind(whole)
            return b"%b\r\n" % whole[1], rest
        if not end and len(line) < MOST_BYTES and _BEGUN.fullmatch(line):
            self._line = line
            return b"", rest
        self._line, self._left = b"", _PASSES_ALL
        return line, rest


def _left_behind(line: re.Match[bytes]) -> int:
    """What comes behind it before the next line."""
    size = int(line[1], 16)
    return size + 2 if size else _PASSES_ALL
