"""Finds a request's route from the request, the table and what is registered."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from discovery.model.naming import PREFIX, Catalogue, route_of, service_of
from middlewares.cors.deciding import CorsPolicy
from middlewares.header_section import HeaderSection
from middlewares.hygiene.deciding import FieldLine
from middlewares.routing.matching.matcher import Hit
from middlewares.routing.matching.nearest import Nearest as NearestRoute
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.rewriting import rewritten
from middlewares.routing.route import Route


class Why(Enum):
    """Why a request has its route, or none."""

    CONFIGURED = "the configuration file has a route for it"
    DISCOVERED = "a service of this name is registered, or was"
    NO_ROUTE = "no route of the configuration file takes this request"
    NOT_REGISTERED = "no service is registered for this path"
    AMBIGUOUS = "a service could read the path as that of a configured route"
    NOT_BELOW = "the table has no routes for this path"


class Differs(Enum):
    """How a request differs from those of the route that it was probably meant for."""

    PAGE_BELOW_PREFIX = (
        "the link that was followed stands on a page below the prefix, and leaves it out"
    )
    PATH_NAMES_SERVICE = "the path begins with the name of a service, and the prefix is left out"


class Nearest(NamedTuple):
    """The beginning of the path that was probably meant, and how the request differs."""

    prefix: str
    differs: Differs


class Found(NamedTuple):
    """A request's route and the reason for it; without a route, the nearest one.

    `hit` is how a configured route takes it. `ambiguity` says why a path is ambiguous.
    """

    route: Route | None
    why: Why
    nearest: Nearest | None = None
    hit: Hit[Route] | None = None
    ambiguity: str = ""


class Asked(Protocol):
    """The parts of a request that a table reads; an Exchange has them."""

    @property
    def asked_host(self) -> bytes:
        """The host with its port; empty if there is none."""
        ...

    @property
    def query(self) -> str:
        """The raw query."""
        ...

    @property
    def path(self) -> str:
        """The raw path without the query."""
        ...

    @property
    def client_ip(self) -> str: ...

    @property
    def section(self) -> HeaderSection: ...


class Table:
    """The current routes: so far one for each registered service, by its name below a prefix.

    It is a value and is replaced as a whole. It remembers routes for one catalogue, and forgets them
    when the catalogue changes.
    """

    def __init__(self, policy: RoutePolicy, prefix: str | None = PREFIX) -> None:
        self.policy = policy
        #: None: nothing is discovered.
        self.prefix = prefix
        prefix = prefix or ""
        self._prefix = prefix
        self._begin = len(prefix) + 1
        self._below = prefix + "/"
        self._below_or_query = (self._below, prefix + "?")
        # The length is bounded, so that no path can make the search long.
        self._prefix_of = re.compile(re.escape(self._below) + r"[a-z][a-z0-9_-]{0,62}(?=/|\Z)")
        self._catalogue: Catalogue | None = None
        self._found: dict[str, Found] = {}

    def covers(self, path: str) -> bool:
        """Whether the table, and not an endpoint, routes a path; the path may have a query."""
        return path.startswith(self._below_or_query) or path == self._prefix

    @property
    def has_cors(self) -> bool:
        """Whether some request has a CORS policy."""
        return self.policy.cors is not None

    def cors_before(self, asked: Asked, method: str) -> CorsPolicy | None:
        """The CORS policy of a request that has no route yet, such as a preflight."""
        return self.policy.cors if self.covers(asked.path) else None

    def decides_by_file(self, asked: Asked, method: str) -> bool:
        """Whether a route of the file takes the request, or refuses its path as ambiguous."""
        return False

    def policy_for(self, service: str) -> RoutePolicy:
        """The policy of a service's discovered route."""
        return self.policy

    def find(self, asked: Asked, catalogues: Callable[[], Catalogue], method: str) -> Found:
        """Find a request's route; the discovered ones go by the raw path alone.

        `catalogues` gives the present catalogue, or raises the Failure to answer with.
        """
        catalogue = catalogues()
        if catalogue is not self._catalogue:
            self._catalogue = catalogue
            self._found = {}
        path = asked.path
        end = path.find("/", self._begin)
        prefix = path if end < 0 else path[:end]
        return self._found.get(prefix) or self._find_first(asked, prefix, catalogue)

    def look(self, asked: Asked, catalogues: Callable[[], Catalogue], method: str) -> Found:
        """Find the route that a request would have; unlike `find`, it counts nowhere as one that came."""
        return self.find(asked, catalogues, method)

    def _find_first(self, asked: Asked, prefix: str, catalogue: Catalogue) -> Found:
        """Find the route of this prefix, and remember it."""
        if not prefix.startswith(self._below):
            why = Why.NOT_REGISTERED if self.covers(prefix) else Why.NOT_BELOW
            return Found(None, why, self.nearest(asked, catalogue))
        service = service_of(prefix[self._begin :], catalogue)
        if service is None:
            return Found(None, Why.NOT_REGISTERED, self.nearest(asked, catalogue))
        found = Found(Route(prefix, service, prefix, self.policy_for(service)), Why.DISCOVERED)
        # Only routes are kept, so clients can't make the table grow.
        self._found[prefix] = found
        return found

    def nearest(self, asked: Asked, catalogue: Catalogue | None) -> Nearest | None:
        """Guess what a request without a route was meant for; `catalogue` is None if there is none yet."""
        if self.prefix is None:
            return None
        prefix = self._prefix_of_page(asked)
        if prefix is not None:
            return Nearest(prefix, Differs.PAGE_BELOW_PREFIX)
        segment = asked.path[1:].partition("/")[0]
        if catalogue is None or self.covers(asked.path) or not service_of(segment, catalogue):
            return None
        return Nearest(self._below + segment, Differs.PATH_NAMES_SERVICE)

    def _prefix_of_page(self, asked: Asked) -> str | None:
        """The prefix of the service whose page asked for a path, if the path lacks that prefix."""
        referer = _first(asked.section.fields, b"referer")
        try:
            page = urlsplit(referer.decode("utf-8", "surrogateescape"))
        except ValueError:  # http://[, for example
            return None
        meant = self._prefix_of.match(page.path)
        host = asked.section.host or b""
        if meant is None or page.netloc != host.decode("utf-8", "surrogateescape"):
            return None
        took = self._prefix_of.match(asked.path)
        return None if took is not None and took[0] == meant[0] else meant[0]

    def nearest_configured(self, asked: Asked, method: str) -> NearestRoute[Route] | None:
        """The route of a file that a request without one was probably meant for."""
        return None

    def route_to(self, service: str, catalogue: Catalogue) -> str | None:
        """The path of a service; None if a request to that path goes to another service."""
        if self.prefix is None:
            return None
        route = route_of(service, self._prefix)
        return route if service_of(route[self._begin :], catalogue) == service else None


def _first(fields: Sequence[FieldLine], name: bytes) -> bytes:
    """The value of the first field with this name, in lower case; empty if there is none."""
    return next((value for field, value in fields if field.lower() == name), b"")


def target_behind(route: Route, hit: Hit[Route] | None, path_and_query: str) -> str:
    """The target for the upstream; every byte after a discovered route's prefix stays as it is."""
    if hit is not None:
        return rewritten(path_and_query, hit, route.rewrite)
    target = path_and_query[len(route.prefix) :]
    return target if target.startswith("/") else "/" + target
