"""The JSON messages of price_service's WebSocket."""

from collections.abc import Sequence
from typing import Annotated, Literal

import orjson
from pydantic import Field

from middlewares.failures import BadRequest, ClientFailure, Failure
from services.base.validation import Input
from services.price.quotes import Quote

#: A message that subscribes to a hundred symbols is less than half as long.
LONGEST_MESSAGE = 4096


class SocketQuery(Input):
    """`symbols`: subscribed to from the start, separated by commas."""

    symbols: str | None = None

    @property
    def names(self) -> list[str]:
        return self.symbols.split(",") if self.symbols else []


class Request(Input):
    """A client's message."""

    action: Literal["subscribe", "unsubscribe"]
    symbols: Annotated[list[str], Field(min_length=1, max_length=100)]


def check_known(symbols: Sequence[str], known: Sequence[str]) -> None:
    for symbol in symbols:
        if symbol not in known:
            raise BadRequest(f"unknown symbol {symbol!r}; known: {', '.join(known)}")


def price_message(quote: Quote) -> str:
    return orjson.dumps({"type": "price", **quote}).decode()


def subscriptions_message(symbols: Sequence[str]) -> str:
    """The answer to each request: all symbols that the client is subscribed to now."""
    return orjson.dumps({"type": "subscriptions", "symbols": symbols}).decode()


def refusal_message(failure: Failure) -> str:
    reason = "bad_request" if isinstance(failure, ClientFailure) else "dependency_unavailable"
    return error_message(reason, failure.detail)


def error_message(reason: str, detail: str) -> str:
    return orjson.dumps({"type": "error", "reason": reason, "detail": detail}).decode()
