"""Signals as of now, in the one way in which clients and notifications get them."""

from services.signal.rules import Signal, decide
from services.signal.sources import Sources


class Signals:
    """DependencyUnavailable when a source can't answer; SymbolNotFound when it says so."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def of(self, symbol: str) -> Signal:
        return decide(*await self._sources.of(symbol))

    async def all(self) -> list[Signal]:
        return [decide(*source) for source in await self._sources.all()]
