"""Finds the last event of an event stream whose data is JSON with one number, as the pieces pass.

Lines end with CRLF, LF or CR, and an event with an empty line (HTML, section 9.2.6).
"""

import re
from collections.abc import Sequence

import orjson

from middlewares.costs.deciding import ABSENT, Reading, Why, value_at

#: The longest line, and the longest data of an event, that is read.
EVENT_BYTES = 256 * 1024
#: What each line of data counts beside its bytes, since it is kept as an object.
_LINE_BYTES = 64
_LINE_END = re.compile(rb"\r\n|\n|\r")
_PLAIN = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*")
#: The data with which some services say that the answer is complete; clients often leave then.
_DONE = b"[DONE]"


class EventScan:
    """Reads the number that a pointer leads to in the last event that has it.

    An event, or a line, with more than EVENT_BYTES is passed over. That is the reason if no later event
    has the number, because the large one may have had it.
    """

    def __init__(self, pointer: Sequence[str]) -> None:
        self._pointer = pointer
        self._found = ABSENT
        #: Whether an event said that no more events come.
        self.is_done = False
        #: The end of the last piece, without a line end; None: the line is too long.
        self._partial: bytearray | None = bytearray()
        self._ends_with_cr = False
        self._is_first = True
        self._data: list[bytes] = []
        #: How long the event's data is; too long once it is over EVENT_BYTES.
        self._data_bytes = 0
        self._needle = _needle(pointer)

    def take(self, piece: bytes) -> None:
        """Scan one more piece."""
        begins = 1 if self._ends_with_cr and piece[:1] == b"\n" else 0
        self._ends_with_cr = piece[-1:] == b"\r"
        position = begins
        for found in _LINE_END.finditer(piece, begins):
            self._line_ends(piece[position : found.start()])
            position = found.end()
        self._keep(piece[position:])

    def end(self) -> Reading:
        """What was read; the stream is complete."""
        self._line_ends(b"")
        self._event_ends()
        return self._found

    @property
    def so_far(self) -> Reading:
        """What was read until now."""
        return self._found

    def _keep(self, part: bytes) -> None:
        if self._partial is None:
            return
        if len(self._partial) + len(part) > EVENT_BYTES:
            self._partial = None
        else:
            self._partial += part

    def _line_ends(self, rest: bytes) -> None:
        partial, self._partial = self._partial, bytearray()
        if partial is None or len(partial) + len(rest) > EVENT_BYTES:
            self._data_bytes = EVENT_BYTES + 1  # the line may have been data
            return
        line = bytes(partial) + rest if partial else rest
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            self._event_ends()
        elif line.startswith(b"data:"):
            self._add(line[6:] if line[5:6] == b" " else line[5:])
        elif line == b"data":
            self._add(b"")

    def _add(self, data: bytes) -> None:
        self._data_bytes += len(data) + _LINE_BYTES
        if self._data_bytes <= EVENT_BYTES:
            self._data.append(data)
        else:
            self._data.clear()

    def _event_ends(self) -> None:
        lines, too_large = self._data, self._data_bytes > EVENT_BYTES
        if lines:
            self._data = []
        self._data_bytes = 0
        if too_large:
            self._found = Reading(Why.EVENT_TOO_LARGE, self._found.units)
        elif lines:
            self._read(lines[0] if len(lines) == 1 else b"\n".join(lines))

    def _read(self, data: bytes) -> None:
        if data == _DONE:
            self.is_done = True
            return
        if self._needle and self._needle not in data and b"\\u" not in data:
            return  # the number's name is not in it
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError:
            return  # another kind of event
        reading = value_at(document, self._pointer)
        if reading.why is not Why.ABSENT:
            self._found = reading


def _needle(pointer: Sequence[str]) -> bytes:
    """Bytes that stand in every document that has the number, unless it has an escape such as \\u0061."""
    last = pointer[-1] if pointer else ""
    return f'"{last}"'.encode("ascii") if _PLAIN.fullmatch(last) else b""
