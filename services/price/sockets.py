"""/ws: a WebSocket that pushes the prices of the symbols that its client subscribes to."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakSet

from aiohttp import WSCloseCode, WSMsgType, web

from middlewares.exchange import EXCHANGE
from middlewares.failures import BadRequest, Failure, ShuttingDown
from services.base.inputs import parsed, query_of
from services.price.feed import PriceFeed
from services.price.messages import (
    LONGEST_MESSAGE,
    Request,
    SocketQuery,
    check_known,
    error_message,
    price_message,
    refusal_message,
    subscriptions_message,
)
from services.price.prices import Prices
from services.price.subscriptions import Subscription

#: A client that has not answered the close by then is cut off.
CLOSE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks at the market, and between pings; an unanswered ping ends a connection."""

    push_s: float = 1.0
    ping_s: float = 20.0


USUAL_PACE = Pace()


class PriceSockets:
    def __init__(
        self, prices: Prices, feed: PriceFeed, *, ping_s: float, stopping: asyncio.Event
    ) -> None:
        self._prices = prices
        self._feed = feed
        self._ping_s = ping_s
        self._stopping = stopping
        self._open: WeakSet[web.WebSocketResponse] = WeakSet()

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Handle /ws: an error before the upgrade is a problem document."""
        if self._stopping.is_set():
            raise ShuttingDown("price_service is shutting down")
        names = query_of(request, SocketQuery).names
        socket = web.WebSocketResponse(
            heartbeat=self._ping_s, max_msg_size=LONGEST_MESSAGE, timeout=CLOSE_TIMEOUT_S
        )
        if not socket.can_prepare(request):
            raise BadRequest("this is a WebSocket: ask for it with Upgrade: websocket")
        with self._feed.subscription() as subscription:
            await self._subscribe(subscription, names)
            await socket.prepare(request)
            request[EXCHANGE].stream = "tunnel"
            self._open.add(socket)
            # Most connections end because the client leaves.
            with suppress(ConnectionError):
                if names:
                    await socket.send_str(subscriptions_message(subscription.symbols))
                await self._converse(socket, subscription)
        return socket

    async def close_all(self, _app: web.Application) -> None:
        """An `on_shutdown` hook: tells clients that the service stops, so they don't blame the network."""
        await asyncio.gather(*map(_say_goodbye, list(self._open)))

    async def _converse(self, socket: web.WebSocketResponse, subscription: Subscription) -> None:
        async with asyncio.TaskGroup() as tasks:
            pushing = tasks.create_task(_push(socket, subscription))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    answer = await self._answer(message.data, subscription)
                else:
                    answer = error_message("bad_request", "messages are JSON texts")
                # While the client does not read its answers, none of its messages are read.
                with suppress(ConnectionError):
                    await socket.send_str(answer)
            pushing.cancel()

    async def _answer(self, text: str, subscription: Subscription) -> str:
        try:
            wish = parsed(text, Request, "message")
            if wish.action == "subscribe":
                await self._subscribe(subscription, wish.symbols)
            else:
                subscription.remove(wish.symbols)
        except Failure as failure:
            return refusal_message(failure)
        return subscriptions_message(subscription.symbols)

    async def _subscribe(self, subscription: Subscription, symbols: Sequence[str]) -> None:
        if not symbols:
            return
        check_known(symbols, await self._prices.symbols())
        # Subscribed symbols are pushed anyway; fetched here, they would come later.
        new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in subscription.symbols]
        subscription.add(await self._prices.of(new))


async def _push(socket: web.WebSocketResponse, subscription: Subscription) -> None:
    with suppress(ConnectionError):
        while True:
            await subscription.news.wait()
            quotes, failure = subscription.take()
            for quote in quotes:
                await socket.send_str(price_message(quote))
            if failure is not None:
                await socket.send_str(error_message("dependency_unavailable", failure))


async def _say_goodbye(socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close(
                code=WSCloseCode.GOING_AWAY, message=b"price_service is shutting down"
            )
