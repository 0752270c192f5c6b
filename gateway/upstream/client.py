"""The upstream client of the hop: a connection to an instance, and how many requests each has under way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from discovery.errors import ForbiddenAddress
from discovery.instance import Instance
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.dialing import Dialer
from middlewares.failures import UpstreamUnreachable
from middlewares.metrics import GatewayMetrics


class UpstreamClient:
    """Gives out one connection for each request; what it counts is keyed by instance key."""

    def __init__(self, dialer: Dialer, metrics: GatewayMetrics) -> None:
        self.dialer = dialer
        self._metrics = metrics
        self._in_flight: dict[str, int] = {}

    def in_flight(self, key: str) -> int:
        """The requests under way at an instance."""
        return self._in_flight.get(key, 0)

    @asynccontextmanager
    async def connection(self, instance: Instance) -> AsyncIterator[UpstreamConnection]:
        """A connection that is closed at the end of the block. Raises UpstreamUnreachable."""
        self._in_flight[instance.key] = self.in_flight(instance.key) + 1
        try:
            connection = await self._connect(instance)
            self._metrics.connections(instance.name, "active", 1)
            try:
                yield connection
            finally:
                self._metrics.connections(instance.name, "active", -1)
                await connection.close()
        finally:
            left = self.in_flight(instance.key) - 1
            if left:
                self._in_flight[instance.key] = left
            else:
                del self._in_flight[instance.key]

    async def _connect(self, instance: Instance) -> UpstreamConnection:
        try:
            return await self.dialer.connect(instance, UpstreamConnection)
        except (OSError, ForbiddenAddress) as error:
            raise UpstreamUnreachable("the upstream can't be connected to") from error
