"""A route's cache as the layer gets it and as people see it: each key from the most specific level."""

import pytest

from discovery.base.steps import at_once
from gateway.config.compiled.compiling import Compiled
from gateway.config.compiled.describing import configured_routes, routes_to_discover
from gateway.config.file.differences import differences
from gateway.config.settings import GatewaySettings
from middlewares.cache.policy import CachePolicy, StoreBounds
from middlewares.routing.policy import RoutePolicy
from tests.unit.gateway.config.compiled.test_describing import compiled, policies

FILE = """
    defaults: {cache: {default_ttl: 30s, ignore_query: [utm_source, a]}}
    services: {shop: {cache: {stale_if_error: 1h, ignore_query: [é]}}, live: {cache: null}}
    routes:
      - {name: own, match: {prefix: /own}, service: shop, cache: {default_ttl: 0, by: subject}}
      - {name: shop, match: {prefix: /shop}, service: shop}
      - {name: none, match: {prefix: /none}, service: shop, cache: null}
      - {name: live, match: {prefix: /live}, service: live}
      - {name: again, match: {prefix: /again}, service: live, cache: {object: 2KiB}}
      - {name: other, match: {prefix: /other}, service: other}
      - {name: here, match: {prefix: /here}, respond: {}}
"""


def made(text: str = FILE) -> Compiled:
    return compiled(text, GatewaySettings())


def of_routes(found: Compiled) -> dict[str, RoutePolicy]:
    return {route.id: route.policy for route in found.matcher.order()}


@pytest.mark.parametrize(
    ("route", "cache"),
    [
        (
            "own",
            CachePolicy(
                default_ttl_s=0.0,
                stale_if_error_s=3600.0,
                ignore_query=frozenset(["é".encode()]),
                by="subject",
            ),
        ),
        (
            "shop",
            CachePolicy(
                default_ttl_s=30.0,
                stale_if_error_s=3600.0,
                ignore_query=frozenset(["é".encode()]),
            ),
        ),
        ("none", None),
        ("live", None),
        ("again", CachePolicy(object_bytes=2048)),
        ("other", CachePolicy(default_ttl_s=30.0, ignore_query=frozenset([b"utm_source", b"a"]))),
        ("here", None),
    ],
)
def test_the_most_specific_level_wins_key_by_key_and_null_takes_all_back(
    route: str, cache: CachePolicy | None
) -> None:
    assert of_routes(made())[route].cache == cache


def test_discovered_routes_have_what_their_service_and_the_defaults_say() -> None:
    found = made()
    assert found.policy.cache == of_routes(found)["other"].cache
    assert found.policies["shop"].cache == of_routes(found)["shop"].cache
    assert found.policies["live"].cache is None


def test_every_key_of_the_section_reaches_the_policy() -> None:
    found = made(
        """
        routes:
          - name: r
            match: {}
            service: s
            cache:
              stores: redis
              default_ttl: 1s
              stale_while_revalidate: 2s
              stale_if_error: 3s
              object: 4KiB
              ignore_query: [q]
              ignore_headers: [Cookie, X-Debug]
              vary_headers: [X-Plan]
              key_headers: [X-Place]
              by: subject
              strip_set_cookie: true
              targeted: [Surrogate-Control, CDN-Cache-Control]
        """
    )
    assert of_routes(found)["r"].cache == CachePolicy(
        stores="redis",
        default_ttl_s=1.0,
        stale_while_revalidate_s=2.0,
        stale_if_error_s=3.0,
        object_bytes=4096,
        ignore_query=frozenset([b"q"]),
        ignore_headers=frozenset([b"cookie", b"x-debug"]),
        vary_headers=frozenset([b"x-plan"]),
        key_headers=frozenset([b"x-place"]),
        by="subject",
        strip_set_cookie=True,
        targeted=(b"surrogate-control", b"cdn-cache-control"),
    )


def test_an_empty_section_switches_a_cache_on_and_none_is_there_without_one() -> None:
    found = made("routes: [{name: r, match: {}, service: s, cache: {}}]")
    assert of_routes(found)["r"].cache == CachePolicy()
    assert found.policy.cache is None
    assert found.cache_stores == {"memory"}
    assert made("routes: [{name: r, match: {}, service: s}]").cache_stores == frozenset()


def test_the_stores_in_use_and_their_bounds_are_told() -> None:
    found = made(
        """
        cache: {memory: 2MiB}
        services: {a: {cache: {stores: redis}}, b: {cache: {}}}
        """
    )
    assert found.cache_bounds == StoreBounds(2 * 1024**2, 256 * 1024**2)
    assert found.cache_stores == {"memory", "redis"}


def test_the_path_of_a_log_in_is_never_remembered() -> None:
    found = made(
        """
        auth: {staff: {type: oidc, issuer: "https://id.example", client_id: a}}
        defaults: {auth: {any_of: [staff]}, cache: {default_ttl: 1m}}
        """
    )
    own = [route.policy for route in found.matcher.order() if route.answer is not None]
    assert own
    assert [policy.cache for policy in own] == [None] * len(own)


def told(found: Compiled, route: str) -> dict[str, tuple[object, str]]:
    described = [
        *at_once(configured_routes(found, GatewaySettings())),
        *routes_to_discover(found, GatewaySettings()),
    ]
    (one,) = [one for one in described if one["route"] == route]
    rows = policies(one)
    return {key: row for key, row in rows.items() if key.startswith("cache")}


def test_each_key_is_told_with_its_level() -> None:
    assert told(made(), "own") == {
        "cache.stores": ("memory", "built in"),
        "cache.default_ttl": (0.0, "route"),
        "cache.stale_while_revalidate": (0.0, "built in"),
        "cache.stale_if_error": (3600.0, "services.shop"),
        "cache.object": (1024 * 1024, "built in"),
        "cache.ignore_query": (["é"], "services.shop"),
        "cache.ignore_headers": ([], "built in"),
        "cache.vary_headers": ([], "built in"),
        "cache.key_headers": ([], "built in"),
        "cache.by": ("subject", "route"),
        "cache.strip_set_cookie": (False, "built in"),
        "cache.targeted": ([], "built in"),
    }


def test_what_null_took_back_is_not_told_of_a_more_general_level() -> None:
    assert told(made(), "again")["cache.default_ttl"] == (0.0, "built in")


def test_a_null_is_told_with_its_level_and_a_route_without_a_service_tells_nothing() -> None:
    assert told(made(), "none") == {"cache": (None, "route")}
    assert told(made(), "live") == {"cache": (None, "services.live")}
    assert told(made(), "here") == {}
    assert told(made("routes: [{name: r, match: {}, service: s}]"), "r") == {}


def test_a_discovered_route_tells_of_its_service() -> None:
    assert told(made(), "/api/shop")["cache.stale_if_error"] == (3600.0, "services.shop")
    assert told(made(), "/api/{name}")["cache.default_ttl"] == (30.0, "defaults")


def test_the_cache_stands_between_limits_and_candidates() -> None:
    described = at_once(configured_routes(made(), GatewaySettings()))
    orders = {one["route"]: one["order"] for one in described}
    assert orders["own"] == ["hygiene", "route", "limits", "cache", "candidates", "hop"]
    assert orders["none"] == ["hygiene", "route", "limits", "candidates", "hop"]


def test_a_change_is_told_key_by_key() -> None:
    before = made("cache: {memory: 2MiB}\ndefaults: {cache: {default_ttl: 30s}}")
    after = made("cache: {memory: 3MiB}\ndefaults: {cache: {default_ttl: 1m, by: subject}}")
    assert at_once(differences(before.configuration, after.configuration)) == [
        "defaults: cache.default_ttl: 30s → 60s",
        "defaults: cache.by: left out → subject",
        f"cache: memory: {2 * 1024**2} → {3 * 1024**2}",
    ]
