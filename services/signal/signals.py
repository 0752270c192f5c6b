"""Present signals, the same for clients and notifications."""

from services.signal.rules import Signal, decide
from services.signal.sources import Sources


class Signals:
    """Raises DependencyUnavailable when a source can't answer, SymbolNotFound for an unknown symbol."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def of(self, symbol: str) -> Signal:
        return decide(*await self._sources.of(symbol))

    async def all(self) -> list[Signal]:
        return [decide(*source) for source in await self._sources.all()]
