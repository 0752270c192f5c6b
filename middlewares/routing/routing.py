"""Holds the table that requests are routed by, and is the one place where it is replaced."""

from middlewares.routing.deciding import Table


class Routing:
    """`revision` counts the tables that there were: what is made of a table is made anew then."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.revision = 0

    def swap(self, table: Table) -> None:
        """From now on requests are routed by this table; those under way keep their routes."""
        self.table = table
        self.revision += 1

    def covers(self, path: str) -> bool:
        """See Table.covers."""
        return self.table.covers(path)
