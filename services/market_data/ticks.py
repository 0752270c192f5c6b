"""What a tick stream sends next: a pure function of what it sent last and of the clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.base.answers import time_text
from services.base.event_stream import KEEP_ALIVE, event_bytes
from services.market_data.bars import CandleSource

#: Below the idle timeouts of common proxies.
KEEP_ALIVE_AFTER_S = 15.0


@dataclass(slots=True)
class TickStream:
    """One client's stream: a tick per second and symbol, none while the source stands still."""

    source: CandleSource
    symbols: Iterable[str]
    _sent_as_of_s: dict[str, int] = field(default_factory=dict)
    _sent_at_s: float = 0.0

    def due(self, now_s: float) -> bytes:
        """The bytes to send at `now_s`; may be empty."""
        chunks = []
        for symbol in self.symbols:
            as_of_s = self.source.as_of_s(symbol, now_s)
            if as_of_s == self._sent_as_of_s.get(symbol):
                continue
            self._sent_as_of_s[symbol] = as_of_s
            chunks.append(event_bytes("tick", self._tick(symbol, as_of_s, now_s), str(as_of_s)))
        if not chunks and now_s - self._sent_at_s >= KEEP_ALIVE_AFTER_S:
            chunks.append(KEEP_ALIVE)
        if chunks:
            self._sent_at_s = now_s
        return b"".join(chunks)

    def _tick(self, symbol: str, as_of_s: int, now_s: float) -> dict[str, object]:
        [last] = self.source.candles(symbol, self.source.intervals[0], 1, now_s)
        return {"symbol": symbol, "price": last.close, "as_of": time_text(as_of_s)}


def until_next_second_s(now_s: float) -> float:
    return 1.0 - now_s % 1.0
