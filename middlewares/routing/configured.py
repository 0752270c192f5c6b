"""The table of a configuration file: its own routes first, then those of the services that register."""

from collections.abc import Callable, Mapping

from discovery.model.naming import Catalogue
from middlewares.cors.deciding import CorsPolicy
from middlewares.request_target import split_target
from middlewares.routing.deciding import Asked, Found, Table, Why
from middlewares.routing.matching.matcher import Ambiguous, Hit, Matcher
from middlewares.routing.matching.nearest import Nearest
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.recent import RecentRequests
from middlewares.routing.route import Route

ROOT = "/"


class ConfiguredTable(Table):
    """Routes of a file, before those that are discovered below a prefix (None: nowhere).

    A discovered route counts as one on any host whose prefix has its segments, so that only a route of
    the file whose prefix is shorter, such as `/` on any host, comes after it.

    `policies` are those of single services, for their discovered routes. `is_own` says which paths
    belong to the gateway's endpoints, which come first. `recent` keeps what was asked for.
    """

    def __init__(
        self,
        policy: RoutePolicy,
        prefix: str | None,
        matcher: Matcher[Route],
        *,
        policies: Mapping[str, RoutePolicy],
        is_own: Callable[[str], bool],
        has_cors: bool,
        recent: RecentRequests | None = None,
    ) -> None:
        super().__init__(policy, prefix)
        self.matcher = matcher
        self.policies = policies
        self._is_own = is_own
        self._has_cors = has_cors
        self._recent = recent
        self._routes_root = matcher.may_take(ROOT)
        #: The segments of a discovered route's prefix; 0: there is none.
        self._depth = 0 if prefix is None else prefix.count("/") + 1

    def covers(self, path: str) -> bool:
        """Every path but those of the endpoints; `/` if a route could take it."""
        if path[:1] != ROOT:
            path = split_target(path)[1]
        path = path.partition("?")[0]
        return self._routes_root if path == ROOT else not self._is_own(path)

    def find(self, asked: Asked, catalogues: Callable[[], Catalogue], method: str) -> Found:
        """Find a request's route: that of the file, else the discovered one.

        The catalogue is asked only where a discovered route comes first: it may raise NoView.
        """
        found = self.look(asked, catalogues, method)
        if self._recent is not None:
            route = None if found.route is None else found.route.id
            names = asked.section.names
            self._recent.add(method, asked.asked_host, asked.path, names, asked.query, route)
        return found

    def look(self, asked: Asked, catalogues: Callable[[], Catalogue], method: str) -> Found:
        return self.placed(self.match(asked, method), asked, catalogues, method)

    @property
    def has_cors(self) -> bool:
        return self._has_cors

    def cors_before(self, asked: Asked, method: str) -> CorsPolicy | None:
        """None also for clients that the route refuses: they get that refusal, and no answer of ours."""
        hit = self.match(asked, method)
        if hit is None or isinstance(hit, Ambiguous) or self._comes_after(hit, asked):
            return super().cors_before(asked, method)
        access = hit.route.policy.access
        if access is not None and access.refuses(asked.client_ip) is not None:
            return None
        return hit.route.policy.cors

    def nearest_configured(self, asked: Asked, method: str) -> Nearest[Route] | None:
        return self.matcher.nearest(
            asked.asked_host, asked.path, method, asked.section, asked.query
        )

    def policy_for(self, service: str) -> RoutePolicy:
        return self.policies.get(service, self.policy)

    def decides_by_file(self, asked: Asked, method: str) -> bool:
        hit = self.match(asked, method)
        return hit is not None and not self._comes_after(hit, asked)

    def match(self, asked: Asked, method: str) -> Hit[Route] | Ambiguous[Route] | None:
        """What the routes of the file say of a request."""
        return self.matcher.find(asked.asked_host, asked.path, method, asked.section, asked.query)

    def placed(
        self,
        hit: Hit[Route] | Ambiguous[Route] | None,
        asked: Asked,
        catalogues: Callable[[], Catalogue],
        method: str,
    ) -> Found:
        """What becomes of a request of which the routes of the file say this."""
        if hit is None or self._comes_after(hit, asked):
            found = self._find_discovered(asked, catalogues, method)
            if hit is None or found.route is not None:
                return found
        if isinstance(hit, Ambiguous):
            return Found(None, Why.AMBIGUOUS, ambiguity=hit.reason)
        return Found(hit.route, Why.CONFIGURED, hit=hit)

    def _comes_after(self, hit: Hit[Route] | Ambiguous[Route], asked: Asked) -> bool:
        """Whether the discovered route of a path, if there is one, is more exact."""
        depth = hit.entry.depth
        return (
            hit.entry.match.host is None
            and depth is not None
            and depth < self._depth
            and super().covers(asked.path)
        )

    def _find_discovered(
        self, asked: Asked, catalogues: Callable[[], Catalogue], method: str
    ) -> Found:
        if self._depth and super().covers(asked.path):
            return super().find(asked, catalogues, method)
        return Found(None, Why.NO_ROUTE)
