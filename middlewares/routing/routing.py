"""Holds the routing table, and is the one place that replaces it."""

from collections.abc import Mapping

from middlewares.auth.way import Way
from middlewares.cors.deciding import CorsPolicy
from middlewares.exchange import Exchange
from middlewares.routing.deciding import Table

_NO_WAYS: Mapping[str, Way] = {}


class Routing:
    """Holds the current table; `revision` grows with each swap, so that derived values can be renewed.

    `ways` are the ways of authentication that its routes name.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.ways = _NO_WAYS
        self.revision = 0

    def swap(self, table: Table, ways: Mapping[str, Way] = _NO_WAYS) -> None:
        """Route requests by this table from now on; requests in flight keep their routes and ways."""
        self.table = table
        self.ways = ways
        self.revision += 1

    def covers(self, path: str) -> bool:
        """See Table.covers."""
        return self.table.covers(path)

    def cors_of(self, exchange: Exchange, method: str) -> CorsPolicy | None:
        """The CORS policy for a request, which may have no route yet, or none at all."""
        if exchange.route is not None:
            return exchange.route.policy.cors
        return self.table.cors_before(exchange, method)
