"""Which route a request takes: a pure function of the request, the table and what is registered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from discovery.model.naming import PREFIX, Catalogue, route_of, service_of
from middlewares.header_section import HeaderSection
from middlewares.hygiene.deciding import FieldLine
from middlewares.routing.policy import RoutePolicy


@dataclass(frozen=True, slots=True)
class Route:
    """Which requests go where: `id` names it in logs, `prefix` is what the upstream does not see."""

    id: str
    service: str
    prefix: str
    policy: RoutePolicy


class Why(Enum):
    """Why a request has the route that it has, or none."""

    DISCOVERED = "a service of this name is registered, or was"
    NOT_REGISTERED = "no service is registered for this path"
    NOT_BELOW = "the table has no routes for this path"


class Differs(Enum):
    """What keeps a request from a route that it seems to be meant for."""

    PAGE_BELOW_PREFIX = (
        "the link that was followed stands on a page below the prefix, and leaves it out"
    )
    PATH_NAMES_SERVICE = "the path begins with the name of a service, and the prefix is left out"


class Nearest(NamedTuple):
    """What the path of the route that a request nearly took begins with, and what differs."""

    prefix: str
    differs: Differs


class Found(NamedTuple):
    """The route of a request, why it is that one, and where there is none the one it nearly took."""

    route: Route | None
    why: Why
    nearest: Nearest | None = None


class Asked(Protocol):
    """What a table looks at of a request; an Exchange is one."""

    @property
    def path(self) -> str:
        """The raw path, without a query."""
        ...

    @property
    def section(self) -> HeaderSection: ...


class Table:
    """The routes in force: so far one for each service that is registered, by its name below a prefix.

    It is a value and is replaced whole. What it remembers, it remembers of one state of what is
    registered, and that goes with it.
    """

    def __init__(self, policy: RoutePolicy, prefix: str = PREFIX) -> None:
        self.policy = policy
        self._prefix = prefix
        self._begin = len(prefix) + 1
        self._below = prefix + "/"
        self._below_or_query = (self._below, prefix + "?")
        # Long enough for any name, so that no path can make it search for long.
        self._prefix_of = re.compile(re.escape(self._below) + r"[a-z][a-z0-9_-]{0,62}(?=/|\Z)")
        self._catalogue: Catalogue | None = None
        self._found: dict[str, Found] = {}

    def covers(self, path: str) -> bool:
        """A path is the table's to route, and not an endpoint's; a query may stand behind."""
        return path.startswith(self._below_or_query) or path == self._prefix

    def find(self, asked: Asked, catalogue: Catalogue) -> Found:
        """The route of a request by its raw path."""
        if catalogue is not self._catalogue:
            self._catalogue = catalogue
            self._found = {}
        path, begin = asked.path, self._begin
        if not path.startswith(self._below):
            why = Why.NOT_REGISTERED if self.covers(path) else Why.NOT_BELOW
            return Found(None, why, self.nearest(asked, catalogue))
        end = path.find("/", begin)
        segment = path[begin:] if end < 0 else path[begin:end]
        found = self._found.get(segment)
        if found is None:
            service = service_of(segment, catalogue)
            if service is None:
                return Found(None, Why.NOT_REGISTERED, self.nearest(asked, catalogue))
            prefix = self._below + segment
            found = Found(Route(prefix, service, prefix, self.policy), Why.DISCOVERED)
            # Only what was found is kept: clients can't make the table grow.
            self._found[segment] = found
        return found

    def nearest(self, asked: Asked, catalogue: Catalogue | None) -> Nearest | None:
        """What a request that has no route was meant to ask for; `catalogue` where there is one."""
        prefix = self._prefix_of_page(asked)
        if prefix is not None:
            return Nearest(prefix, Differs.PAGE_BELOW_PREFIX)
        segment = asked.path[1:].partition("/")[0]
        if catalogue is None or self.covers(asked.path) or not service_of(segment, catalogue):
            return None
        return Nearest(self._below + segment, Differs.PATH_NAMES_SERVICE)

    def _prefix_of_page(self, asked: Asked) -> str | None:
        """The prefix of the service whose page has asked for a path, if that leaves it out."""
        referer = _first(asked.section.fields, b"referer")
        try:
            page = urlsplit(referer.decode("utf-8", "surrogateescape"))
        except ValueError:  # such as http://[
            return None
        meant = self._prefix_of.match(page.path)
        host = asked.section.host or b""
        if meant is None or page.netloc != host.decode("utf-8", "surrogateescape"):
            return None
        took = self._prefix_of.match(asked.path)
        return None if took is not None and took[0] == meant[0] else meant[0]

    def route_to(self, service: str, catalogue: Catalogue) -> str | None:
        """The path that goes to a service; None where a request to it goes to another one."""
        route = route_of(service, self._prefix)
        return route if service_of(route[self._begin :], catalogue) == service else None


def _first(fields: Sequence[FieldLine], name: bytes) -> bytes:
    """The value of the first field of a name, in lower case; empty where there is none."""
    return next((value for field, value in fields if field.lower() == name), b"")


def target_behind(route: Route, path_and_query: str) -> str:
    """The target for the upstream: not one byte behind the prefix is touched."""
    target = path_and_query[len(route.prefix) :]
    return target if target.startswith("/") else "/" + target
