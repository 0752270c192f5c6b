"""A request to the routing table, without a server."""

from dataclasses import dataclass, field

from middlewares.header_section import HeaderSection
from middlewares.routing.deciding import Table
from middlewares.routing.policy import RoutePolicy

TABLE = Table(RoutePolicy())


@dataclass(frozen=True)
class Request:
    """A raw path without a query, and a header section."""

    path: str
    section: HeaderSection = field(default_factory=lambda: HeaderSection(()))


def from_a_page(path: str, *, referer: str, host: str) -> Request:
    lines = ((b"Host", host.encode()), (b"Referer", referer.encode()))
    return Request(path, HeaderSection(lines))
