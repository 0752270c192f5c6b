"""The JSON texts in bodies that have many: one a line (NDJSON), or one an event (HTML, section 9.2.6).

Bodies come in any pieces, and what comes out is the same for all of them.
"""

import re
from collections.abc import Callable, Generator

from middlewares.transform.bodies.deciding.grammar import TooLarge

#: A longer line or event is not changed, and not kept in memory; changing one of this size takes 10 ms or so.
MOST_BYTES = 256 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: What some services send as the last event.
_DONE = b"[DONE]"

#: What comes of a piece, in steps of a few milliseconds.
Steps = Generator[None, None, bytes]
#: Changes one text, in steps; may raise NotJson, which ends the body.
Change = Callable[[bytes], Steps]
#: Gets the reason why a line or an event is not changed; may raise it, which ends the body.
Refuse = Callable[[TooLarge], None]


class Lines:
    """Changes each line of NDJSON; empty ones stay."""

    def __init__(self, change: Change, refuse: Refuse) -> None:
        self._change = change
        self._refuse = refuse
        self._partial = bytearray()
        #: Within a line that is too large.
        self._passes = False

    @property
    def held_bytes(self) -> int:
        """The bytes of the line that has not come whole."""
        return len(self._partial)

    def feed(self, piece: bytes) -> Steps:
        made: list[bytes] = []
        *lines, rest = piece.split(b"\n")
        for line in lines:
            if self._passes:
                made.append(line)
                self._passes = False
            else:
                if self._partial:
                    line = bytes(self._partial) + line
                    self._partial.clear()
                made.append((yield from self._changed(line)))
                yield
            made.append(b"\n")
        self._keep(rest, made)
        return b"".join(made)

    def finish(self) -> Steps:
        rest, self._partial = bytes(self._partial), bytearray()
        return (yield from self._changed(rest))

    def _keep(self, rest: bytes, made: list[bytes]) -> None:
        if not self._passes:
            self._partial += rest
            if len(self._partial) <= MOST_BYTES:
                return
            self._refuse(TooLarge("a line or an event is too large"))
            self._passes, rest = True, bytes(self._partial)
            self._partial.clear()
        made.append(rest)

    def _changed(self, line: bytes) -> Steps:
        if not line.strip(b" \t\r"):
            return line
        if len(line) > MOST_BYTES:
            self._refuse(TooLarge("a line or an event is too large"))
            return line
        text = line.removesuffix(b"\r")
        return (yield from self._change(text)) + line[len(text) :]


class Events:
    """Changes the data of each event; each comes out with its empty line, and all other lines stay."""

    def __init__(self, change: Change, refuse: Refuse) -> None:
        self._change = change
        self._refuse = refuse
        #: The lines of the event from its first `data` on, each with its end.
        self._held: list[tuple[bytes, bytes]] = []
        self._data_bytes = 0
        self._partial = bytearray()
        self._ends_with_cr = False
        self._is_first = True
        #: Within an event that is too large, and whether bytes of its last line have passed.
        self._passes = False
        self._has_passed = False

    @property
    def held_bytes(self) -> int:
        """The bytes of the event that has not come whole."""
        return self._data_bytes + len(self._partial)

    def feed(self, piece: bytes) -> Steps:
        made: list[bytes] = []
        position = 0
        if self._ends_with_cr and piece[:1] == b"\n":
            position = 1
            self._complete_end(made)
        for found in _LINE_END.finditer(piece, position):
            line = piece[position : found.start()]
            if self._partial:
                line = bytes(self._partial) + line
                self._partial.clear()
            if self._take(line, found[0], made):
                made.append((yield from self._event(found[0])))
                yield
            position = found.end()
        self._ends_with_cr = piece[-1:] == b"\r"
        self._keep(piece[position:], made)
        return b"".join(made)

    def finish(self) -> Steps:
        made: list[bytes] = []
        rest, self._partial = bytes(self._partial), bytearray()
        if rest:
            self._take(rest, b"", made)
        if self._held:
            made.append((yield from self._event(b"")))
        return b"".join(made)

    def _complete_end(self, made: list[bytes]) -> None:
        """The last line's end was CR, and is CRLF."""
        if self._held:
            line, _ = self._held[-1]
            self._held[-1] = (line, b"\r\n")
        else:
            made.append(b"\n")

    def _keep(self, rest: bytes, made: list[bytes]) -> None:
        if not self._passes:
            self._partial += rest
            if self._data_bytes + len(self._partial) <= MOST_BYTES:
                return
            self._give_up(made)
            rest = bytes(self._partial)
            self._partial.clear()
        made.append(rest)
        self._has_passed = self._has_passed or bool(rest)

    def _take(self, line: bytes, end: bytes, made: list[bytes]) -> bool:
        """Take a line; True if it ends an event that has data."""
        if self._is_first:
            self._is_first = False
            if line.startswith(_BYTE_ORDER_MARK):
                made.append(_BYTE_ORDER_MARK)
                line = line[len(_BYTE_ORDER_MARK) :]
        if self._passes:
            made += (line, end)
            self._passes = bool(line) or self._has_passed
            self._has_passed = False
        elif not line and self._held:
            return True
        elif not line:
            made.append(end)
        elif self._held or _is_data(line):
            self._held.append((line, end))
            self._data_bytes += len(line) + len(end)
            if self._data_bytes > MOST_BYTES:
                self._give_up(made)
        else:
            made += (line, end)
        return False

    def _give_up(self, made: list[bytes]) -> None:
        """Let the rest of the event pass."""
        self._refuse(TooLarge("a line or an event is too large"))
        self._passes = True
        for held in self._held:
            made += held
        self._held, self._data_bytes = [], 0

    def _event(self, end: bytes) -> Steps:
        """What comes of the held event, whose empty line ends so."""
        held, self._held, self._data_bytes = self._held, [], 0
        data = b"\n".join(_data(line) for line, _ in held if _is_data(line))
        new = data if data.strip() in (b"", _DONE) else (yield from self._change(data))
        if new == data:
            return b"".join(part for line in held for part in line) + end
        made: list[bytes] = []
        first, first_end = held[0]
        prefix = first[: len(first) - len(_data(first))] if first != b"data" else b"data: "
        ends = [first_end or b"\n"] * new.count(b"\n") + [first_end]
        for text, line_end in zip(new.split(b"\n"), ends, strict=True):
            made += (prefix, text, line_end)
        for line, line_end in held[1:]:
            if not _is_data(line):
                made += (line, line_end)
        return b"".join(made) + end


def _is_data(line: bytes) -> bool:
    return line.startswith(b"data:") or line == b"data"


def _data(line: bytes) -> bytes:
    return line[6:] if line[5:6] == b" " else line[5:]
