"""The paths of the gateway's own endpoints, which come before the routes of a file."""

import re
from collections.abc import Callable, Iterable

PAGE = "/"
HEALTH, READY, STATUS, METRICS = "/health", "/ready", "/status", "/metrics"
SERVICES, SERVICE = "/services", "/services/{name}"
INSTANCE = "/services/{name}/instances/{id}"
HEARTBEAT, DRAIN = INSTANCE + "/heartbeat", INSTANCE + "/drain"
HEARTBEATS = "/heartbeats"
ROUTES = "/routes"
RELOAD, DIFF = "/config/reload", "/config/diff"
KEYS, KEY, ROTATION = "/keys", "/keys/{id}", "/keys/{id}/rotate"
VERSIONS = "/versions"
CACHE, PURGE, SHOW = "/cache", "/cache/purge", "/cache/show"
SPLITS, SPLIT = "/splits", "/splits/{route}"
MIRRORS = "/mirrors"
ROLL = "/roll"
#: With ADMIN_LISTEN the public port has these alone.
ON_BOTH_PORTS = (HEALTH, READY)
#: All but the page: a route of a file comes before it.
ALL = (
    *(HEALTH, READY, STATUS, METRICS, SERVICES, SERVICE, INSTANCE, HEARTBEAT, DRAIN, HEARTBEATS),
    *(ROUTES, VERSIONS, RELOAD, DIFF, KEYS, KEY, ROTATION, CACHE, PURGE, SHOW),
    *(SPLITS, SPLIT, MIRRORS, ROLL),
)

_SEGMENT = re.compile(r"\\\{[a-z]+\\\}")


def endpoint_at(path: str) -> str | None:
    """The endpoint that takes all requests for a path of the file, which may be a template."""
    return next((endpoint for endpoint in ALL if any_of((endpoint,))(path)), None)


def any_of(paths: Iterable[str]) -> Callable[[str], bool]:
    """Whether a raw path, without a query, is one of these; `{name}` is any segment."""
    patterns = (_SEGMENT.sub("[^/]+", re.escape(path)) for path in paths)
    matches = re.compile("|".join(patterns)).fullmatch
    return lambda path: matches(path) is not None
