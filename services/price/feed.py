"""Asks for the prices once a second, for all subscribers together."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from middlewares.failures import DependencyUnavailable
from middlewares.telemetry.correlation_ids import correlation_id_from
from middlewares.telemetry.logs import correlation_id_var
from services.price.prices import Prices
from services.price.subscriptions import Subscription


class PriceFeed:
    """Offers prices to its subscriptions; it asks for nothing while there are none."""

    def __init__(self, prices: Prices, every_s: float) -> None:
        self._prices = prices
        self._every_s = every_s
        self._subscriptions: set[Subscription] = set()

    @contextmanager
    def subscription(self) -> Iterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    async def run(self) -> None:
        while True:
            # At full seconds, when simulated prices change.
            await asyncio.sleep(self._every_s - time.time() % self._every_s)
            wanted = {
                symbol for subscription in self._subscriptions for symbol in subscription.symbols
            }
            if wanted:
                await self._push(sorted(wanted))

    async def _push(self, symbols: list[str]) -> None:
        correlation_id_var.set(correlation_id_from(None))
        try:
            quotes = await self._prices.of(symbols)
        except DependencyUnavailable as failure:
            for subscription in self._subscriptions:
                subscription.fail(failure.detail)
            return
        for subscription in self._subscriptions:
            for quote in quotes:
                subscription.offer(quote)
