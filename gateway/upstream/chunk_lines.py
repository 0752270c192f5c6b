"""Removes spaces and extensions from chunk-size lines, so that the parser takes them."""

import re
from collections.abc import Iterator

#: RFC 9112 §7.1.1; extensions are ignored, as nginx and Go do.
_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
#: A line that needs no change.
_PLAIN_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")
#: The beginning of a line that may still become a chunk-size line.
_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,16}|[0-9A-Fa-f]{1,16}[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r?")
#: The end of a line is looked for in this many bytes at once; a line longer than MOST_BYTES is not changed.
LOOKED_AT = 64
MOST_BYTES = 1024
#: After the last chunk, and after a line that is no chunk-size line, all bytes go to the parser unchanged.
_PASSES_ALL = -1


class ChunkLines:
    """Passes one chunked body to the parser, so that both read the same chunk lengths."""

    def __init__(self) -> None:
        self._line = b""
        #: Bytes of the current chunk that are still to come, its line end included.
        self._left = 0

    def plain(self, data: memoryview) -> Iterator[bytes | memoryview]:
        """Yield the bytes in as few pieces as possible, with each chunk-size line reduced to its number."""
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
        """Read the line at the beginning of `data`; return what to pass on of it, and the bytes after it."""
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
    """The number of bytes between this line and the next one."""
    size = int(line[1], 16)
    return size + 2 if size else _PASSES_ALL
