"""The JSON texts in bodies that have many: one a line (NDJSON), or one an event (HTML, section 9.2.6).

Bodies come in any pieces, and what comes out is the same for all of them.
"""

import re
from collections.abc import Callable

from middlewares.transform.bodies.deciding.grammar import NotJson

#: A longer line or event is not changed, and not kept in memory; changing one of this size takes 10 ms or so.
MOST_BYTES = 256 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: What some services send as the last event.
_DONE = b"[DONE]"

#: Changes one text; may raise NotJson, which ends the body.
Change = Callable[[bytes], bytes]
#: Says that a line or an event is too large; may raise NotJson, which ends the body.
TooLarge = Callable[[], None]


def refuse_too_large() -> None:
    raise NotJson("a line or an event is too large")


def pass_too_large() -> None:
    """Let it pass unchanged."""


class Lines:
    """Changes each line of NDJSON; empty ones stay."""

    def __init__(self, change: Change, too_large: TooLarge) -> None:
        self._change = change
        self._too_large = too_large
        self._partial = bytearray()
        #: Within a line that is too large.
        self._passes = False

    def feed(self, piece: bytes) -> bytes:
        made: list[bytes] = []
        *lines, rest = piece.split(b"\n")
        for line in lines:
            if self._passes:
                made.append(line)
                self._passes = False
            else:
                made.append(self._changed(bytes(self._partial) + line if self._partial else line))
                self._partial.clear()
            made.append(b"\n")
        self._keep(rest, made)
        return b"".join(made)

    def finish(self) -> bytes:
        rest, self._partial = bytes(self._partial), bytearray()
        return self._changed(rest)

    def _keep(self, rest: bytes, made: list[bytes]) -> None:
        if not self._passes:
            self._partial += rest
            if len(self._partial) <= MOST_BYTES:
                return
            self._too_large()
            self._passes, rest = True, bytes(self._partial)
            self._partial.clear()
        made.append(rest)

    def _changed(self, line: bytes) -> bytes:
        if not line.strip(b" \t\r"):
            return line
        if len(line) > MOST_BYTES:
            self._too_large()
            return line
        text = line.removesuffix(b"\r")
        return self._change(text) + line[len(text) :]


class Events:
    """Changes the data of each event; each comes out with its empty line, and all other lines stay."""

    def __init__(self, change: Change, too_large: TooLarge) -> None:
        self._change = change
        self._too_large = too_large
        #: The lines of the event from its first `data` on, each with its end.
        self._held: list[tuple[bytes, bytes]] = []
        self._held_bytes = 0
        self._partial = bytearray()
        self._ends_with_cr = False
        self._is_first = True
        #: Within an event that is too large, and whether bytes of its last line have passed.
        self._passes = False
        self._has_passed = False

    def feed(self, piece: bytes) -> bytes:
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
            self._take(line, found[0], made)
            position = found.end()
        self._ends_with_cr = piece[-1:] == b"\r"
        self._keep(piece[position:], made)
        return b"".join(made)

    def finish(self) -> bytes:
        made: list[bytes] = []
        rest, self._partial = bytes(self._partial), bytearray()
        if rest:
            self._take(rest, b"", made)
        if self._held:
            made.append(self._event(b""))
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
            if self._held_bytes + len(self._partial) <= MOST_BYTES:
                return
            self._give_up(made)
            rest = bytes(self._partial)
            self._partial.clear()
        made.append(rest)
        self._has_passed = self._has_passed or bool(rest)

    def _take(self, line: bytes, end: bytes, made: list[bytes]) -> None:
        if self._is_first:
            self._is_first = False
            if line.startswith(_BYTE_ORDER_MARK):
                made.append(_BYTE_ORDER_MARK)
                line = line[len(_BYTE_ORDER_MARK) :]
        if self._passes:
            made += (line, end)
            self._passes = bool(line) or self._has_passed
            self._has_passed = False
        elif not line:
            made.append(self._event(end) if self._held else end)
        elif self._held or _is_data(line):
            self._held.append((line, end))
            self._held_bytes += len(line) + len(end)
            if self._held_bytes > MOST_BYTES:
                self._give_up(made)
        else:
            made += (line, end)

    def _give_up(self, made: list[bytes]) -> None:
        """Let the rest of the event pass."""
        self._too_large()
        self._passes = True
        for held in self._held:
            made += held
        self._held, self._held_bytes = [], 0

    def _event(self, end: bytes) -> bytes:
        held, self._held, self._held_bytes = self._held, [], 0
        data = b"\n".join(_data(line) for line, _ in held if _is_data(line))
        new = data if data.strip() in (b"", _DONE) else self._change(data)
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
