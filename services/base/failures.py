"""What can go wrong in these services alone, and how it looks to a client."""

from collections.abc import Iterable

from middlewares.failures import ClientFailure
from middlewares.problems import Problem, Problems


class SymbolNotFound(ClientFailure):
    """The path names a symbol that is not traded here."""

    def __init__(self, symbol: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown symbol {symbol!r}; known: {', '.join(known)}")


#: Their rows beside those of `middlewares.problems`.
SERVICE_PROBLEMS: Problems = {SymbolNotFound: Problem(404, "symbol_not_found")}
