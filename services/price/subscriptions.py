"""What one subscriber has yet to be sent: at most the last price of each of its symbols."""

import asyncio
from collections.abc import Iterable

from services.price.quotes import Quote


class Subscription:
    """A slow reader misses the prices in between, and costs no memory."""

    def __init__(self) -> None:
        #: Set while there may be something to take.
        self.news = asyncio.Event()
        self._symbols: dict[str, None] = {}  # in the order of subscribing
        self._waiting: dict[str, Quote] = {}
        self._sent: dict[str, float] = {}
        self._failure: str | None = None
        self._failing = False

    @property
    def symbols(self) -> list[str]:
        return list(self._symbols)

    def add(self, quotes: Iterable[Quote]) -> None:
        """Subscribe to these symbols, beginning with these prices."""
        for quote in quotes:
            self._symbols[quote["symbol"]] = None
            self.offer(quote)

    def remove(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self._symbols.pop(symbol, None)
            self._waiting.pop(symbol, None)
            self._sent.pop(symbol, None)

    def offer(self, quote: Quote) -> None:
        """Take in a symbol's new price; it is ignored without a subscription."""
        if quote["symbol"] in self._symbols:
            self._failing = False
            self._waiting[quote["symbol"]] = quote
            self.news.set()

    def fail(self, detail: str) -> None:
        """Report that there are no prices now; once, until there are some again."""
        if self._symbols and not self._failing:
            self._failing = True
            self._failure = detail
            self.news.set()

    def take(self) -> tuple[list[Quote], str | None]:
        """Prices that differ from the last ones taken, and, when it is new, why there are none."""
        self.news.clear()
        changed = [
            quote
            for symbol, quote in self._waiting.items()
            if self._sent.get(symbol) != quote["price"]
        ]
        self._sent.update((quote["symbol"], quote["price"]) for quote in changed)
        self._waiting.clear()
        failure, self._failure = self._failure, None
        return changed, failure
