"""What a file says of caches that is allowed, but does nothing or is hardly what was meant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.config.file.auth.route import Requirement
from gateway.config.file.auth.stricter import auth_of
from gateway.config.file.cache import ANY, Cache
from gateway.config.file.configuration import Configuration
from gateway.config.file.nodes import Path
from gateway.config.file.routes import Route
from gateway.config.file.templates import templates_in

#: Answers to other methods are never kept.
_KEPT = ("GET", "HEAD", "QUERY")
#: The share of a store that one answer may take, as the stores have it.
LARGEST = {"memory": (1 / 2, "half"), "redis": (1 / 8, "an eighth")}
NOTHING_KEPT = "nothing is kept: the route takes none of the methods GET, HEAD and QUERY"
NOBODY = (
    "no route that this holds for has auth, so nobody has a subject, and all share what is kept"
)
NOT_FOR_CALLERS = (
    "does little on a route with auth: an answer to a caller is kept only if it says public, s-maxage or "
    "must-revalidate; write by: subject to keep answers for each caller"
)
STARS = "is one name and no pattern: write out each name that is meant"
NOTHING_OFF = (
    "is empty, and there is no inherited cache that this would switch off: leave it out, or write cache: {} "
    "for a cache with every default"
)
CORRELATION_ID = "correlation_id"
DIFFERS = "uses {correlation_id}, which is another one for each request: nothing is kept on routes with it and cache"
NO_COOKIES = "who logs in on this route never gets the cookies that its service sets in answers that are kept"
_NO_STORE = "no route keeps answers there: none has cache with stores: "


@dataclass(frozen=True, slots=True)
class _Cached:
    """The cache of a route, each key from the most specific level with its path; `route` None: a discovered one."""

    path: Path
    route: Route | None
    keys: Mapping[str, tuple[Path, Any]]
    auth: Requirement | str | None

    def value(self, key: str) -> Any:
        return self.keys[key][1] if key in self.keys else Cache.model_fields[key].default

    @property
    def asks_who_calls(self) -> bool:
        return isinstance(self.auth, Requirement)


def odd_caches(configuration: Configuration) -> Iterator[tuple[Path, str] | None]:
    """Where caches are odd, and why, each once; None for each route that was looked at."""
    told: set[tuple[Path, str]] = set()
    stores, by_subject = set(), dict[Path, bool]()
    for cached in _cached(configuration):
        yield None
        if cached is None:
            continue
        stores.add(cached.value("stores"))
        if "by" in cached.keys and cached.value("by") == "subject":
            path, _ = cached.keys["by"]
            by_subject[path] = by_subject.get(path, False) or cached.asks_who_calls
        new = [one for one in _odd(cached, configuration) if one not in told]
        told.update(new)
        yield from new
    yield from _idle_nulls(configuration)
    yield from ((path, NOBODY) for path, has_subject in by_subject.items() if not has_subject)
    for key, store in (("memory_bytes", "memory"), ("redis_bytes", "redis")):
        if key in configuration.cache.model_fields_set and store not in stores:
            yield ("cache", store), _NO_STORE + store


def _odd(cached: _Cached, configuration: Configuration) -> Iterator[tuple[Path, str]]:
    route = cached.route
    if route is not None and route.match.methods and not {*route.match.methods} & {*_KEPT}:
        if "cache" in route.model_fields_set:
            yield (*cached.path, "cache"), NOTHING_KEPT
        return
    for key in ("ignore_query", "ignore_headers", "vary_headers", "key_headers"):
        for_all = ANY if key in ("vary_headers", "key_headers") else None
        path, names = cached.keys.get(key, ((), ()))
        for index, name in enumerate(names):
            if "*" in name and name != for_all:
                yield (*path, index), STARS
    if "object_bytes" in cached.keys:
        path, most_bytes = cached.keys["object_bytes"]
        store = cached.value("stores")
        share, words = LARGEST[store]
        if most_bytes > getattr(configuration.cache, f"{store}_bytes") * share:
            yield (
                path,
                f"is more than {words} of cache.{store}, and a store keeps no answer of that size",
            )
    yield from _differing_each_time(cached, configuration)
    if not cached.asks_who_calls:
        return
    if cached.value("by") == "everyone" and cached.value("default_ttl_s"):
        path, _ = cached.keys["default_ttl_s"]
        if path[0] == "routes":
            yield path, NOT_FOR_CALLERS
    if cached.value("strip_set_cookie") and _logs_in(cached.auth, configuration):
        yield cached.keys["strip_set_cookie"][0], NO_COOKIES


def _differing_each_time(
    cached: _Cached, configuration: Configuration
) -> Iterator[tuple[Path, str]]:
    """The rules for requests and answers that make each answer another one."""
    route = cached.route
    name = route.service if route is not None else cached.path[-1]
    levels: Sequence[tuple[Path, Any]] = [
        (("defaults",), configuration.defaults),
        (("services", str(name)), configuration.services.get(str(name))),
        (("routes", cached.path[-1]), route),
    ]
    for key in ("request", "response"):
        for at, level in reversed(levels):
            rules = getattr(level, key, None)
            if rules is not None and any(
                CORRELATION_ID in one.names for one in templates_in(rules)
            ):
                yield (*at, key), DIFFERS


def _logs_in(auth: Requirement | str | None, configuration: Configuration) -> bool:
    ways = auth.any_of if isinstance(auth, Requirement) else ()
    return any(configuration.auth[way].type == "oidc" for way in ways)


def _cached(configuration: Configuration) -> Iterator[_Cached | None]:
    """The cache of each route of the file, and of each that is discovered; None for one without."""
    for index, route in enumerate(configuration.routes):
        if route.service is not None:
            yield _one(configuration, ("routes", index), route.service, route)
    if configuration.discover is not False:
        for name in configuration.services:
            yield _one(configuration, ("services", name), name, None)
        yield _one(configuration, ("defaults",), "", None)


def _idle_nulls(configuration: Configuration) -> Iterator[tuple[Path, str] | None]:
    """Where `cache` is null on a route without a cache to inherit; None for each route that was looked at."""
    defaults, services = configuration.defaults, configuration.services
    for index, route in enumerate(configuration.routes):
        yield None
        if "cache" in route.model_fields_set and route.cache is None:
            levels = (defaults, services.get(route.service or ""))
            if all(level is None or level.cache is None for level in levels):
                yield ("routes", index, "cache"), NOTHING_OFF


def _one(
    configuration: Configuration, path: Path, service: str, route: Route | None
) -> _Cached | None:
    levels: Sequence[tuple[Path, Any]] = [
        (("defaults",), configuration.defaults),
        (("services", service), configuration.services.get(service)),
        (path, route),
    ]
    keys: dict[str, tuple[Path, Any]] | None = None
    for at, level in levels:
        if level is None or "cache" not in level.model_fields_set:
            continue
        section: Cache | None = level.cache
        if section is None:
            keys = None
            continue
        said = {
            key: ((*at, "cache", _spelled(key)), getattr(section, key))
            for key in section.model_fields_set
        }
        keys = {**(keys or {}), **said}
    if keys is None:
        return None
    return _Cached(path, route, keys, auth_of(route, configuration, service))


def _spelled(key: str) -> str:
    return Cache.model_fields[key].alias or key
