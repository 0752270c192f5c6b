"""The reader of an answer's body that finds the request's cost."""

from collections.abc import Callable
from typing import Protocol

from middlewares.bodies import Sink, Trailers
from middlewares.codings import Decoder, NotDecoded, is_readable
from middlewares.costs.deciding import Cost, Reading, Why, broken_off
from middlewares.costs.event_scan import EventScan
from middlewares.costs.json_scan import JsonScan


class Scan(Protocol):
    """Reads a number from a body that comes in pieces."""

    def take(self, piece: bytes) -> None: ...

    def end(self) -> Reading: ...

    @property
    def so_far(self) -> Reading: ...


class CostReader(Sink):
    """Reads the cost as the pieces pass, and tells it once; it never makes the source wait.

    A cost in a body that breaks off is told as such: more may have been spent. `coding` is the
    answer's Content-Encoding. `grew` is told each time that an event stream's cost is more than before.
    """

    def __init__(
        self,
        cost: Cost,
        tell: Callable[[Reading], None],
        *,
        is_event_stream: bool,
        coding: bytes = b"",
        grew: Callable[[int], None] | None = None,
    ) -> None:
        # A service that can stream often answers without a stream as well, and its client chooses.
        as_events = cost.place == "event_stream" and is_event_stream
        self._scan: Scan = EventScan(cost.pointer) if as_events else JsonScan(cost.pointer)
        self._tell: Callable[[Reading], None] | None = tell
        self._grew = grew if as_events else None
        self._most_units = 0
        coding = coding.strip(b" \t").lower()
        self._decoder = Decoder(coding) if is_readable(coding) else None
        self._is_readable = self._decoder is not None or coding in (b"", b"identity")

    def take(self, piece: bytes) -> bool:
        self._read(piece)
        if self._grew is not None and self._scan.so_far.units > self._most_units:
            self._most_units = self._scan.so_far.units
            self._grew(self._most_units)
        return True

    def _read(self, piece: bytes) -> None:
        if self._decoder is None:
            if self._is_readable:
                self._scan.take(piece)
        elif self._is_readable:
            try:
                for decoded in self._decoder.slices(piece):
                    self._scan.take(decoded)
            except NotDecoded:
                self._is_readable = False

    def end(self, trailers: Trailers = ()) -> None:
        if self._is_readable:
            self._say(self._scan.end())
        else:
            self._say(Reading(Why.ENCODED, self._scan.so_far.units))

    def broke(self, why: Exception) -> None:
        scan = self._scan
        if isinstance(scan, EventScan) and scan.is_done:
            self.end()
        else:
            self._say(broken_off(scan.so_far))

    def _say(self, reading: Reading) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(reading)
