"""Which service a request target belongs to: a pure function of the target and what is registered."""

from dataclasses import dataclass

from discovery.model.naming import Catalogue, service_of

PREFIX = "/api"
_SEGMENT = len(PREFIX) + 1


@dataclass(frozen=True, slots=True)
class Route:
    """Which requests go where: `id` names it in logs, `prefix` is what the upstream does not see."""

    id: str
    service: str
    prefix: str


def split_target(raw_target: str) -> tuple[str | None, str]:
    """(authority, path with query) of a request target; the authority is an absolute-form's own.

    RFC 9112 §3.2.2: a server takes absolute-form from anyone, and the Host field is then ignored.
    """
    if raw_target[:1] == "/":
        return None, raw_target
    scheme, separator, rest = raw_target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return None, raw_target
    cut = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    path = rest[cut:]
    return rest[:cut], path if path.startswith("/") else "/" + path


class RouteTable:
    """The routes of one state of what is registered; a change of that makes a new table."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._routes: dict[str, Route] = {}

    def find(self, path: str) -> Route | None:
        """The route of a raw path below /api, or None."""
        end = path.find("/", _SEGMENT)
        segment = path[_SEGMENT:] if end < 0 else path[_SEGMENT:end]
        route = self._routes.get(segment)
        if route is None and path.startswith(PREFIX + "/"):
            service = service_of(segment, self.catalogue)
            if service is not None:
                prefix = f"{PREFIX}/{segment}"
                # Only what was found is kept: clients can't make the table grow.
                route = self._routes[segment] = Route(prefix, service, prefix)
        return route


def target_behind(route: Route, path_and_query: str) -> str:
    """The target for the upstream: not one byte behind the prefix is touched."""
    target = path_and_query[len(route.prefix) :]
    return target if target.startswith("/") else "/" + target
