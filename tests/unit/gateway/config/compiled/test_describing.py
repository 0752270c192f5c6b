"""Each route is told with its policies, and with the level that each of them comes from."""

from textwrap import dedent
from typing import Any

import pytest

from discovery.base.steps import at_once
from gateway.config.compiled.compiling import Compiled, compiling
from gateway.config.compiled.describing import configured_routes, routes_to_discover
from gateway.config.file.loading import read_bytes
from gateway.config.settings import GatewaySettings, load_settings

FILE = """
    limits:
      default: {requests: 5, window: 2s}
      plans: {requests: 9, window: 1m, by: {header: X-Plan}}
    defaults: {limits: [default], timeouts: {connect: 1s, total: 0}}
    services: {legacy: {urls: ["http://10.0.0.5:9000"], concurrent: 3}}
    routes:
      - {name: all, match: {}, respond: {body: all}}
      - name: shop
        match: {host: shop.example, prefix: /shop}
        service: legacy
        limits: [default, plans]
        timeouts: {head: 5s}
        allow: {from: [10.0.0.0/8]}
        deny: null
        cors: null
        max_body: 1KiB
      - {name: none, match: {prefix: /none}, service: shop_service, limits: null, timeouts: null}
      - {name: orders, match: {host: shop.example, path: "/orders/{id}"}, service: order_service}
"""


def compiled(text: str, settings: GatewaySettings) -> Compiled:
    configuration = read_bytes(dedent(text).encode()).configuration
    assert configuration is not None
    return at_once(compiling(configuration, settings))


def routes(text: str = FILE, **environment: str) -> dict[str, Any]:
    settings = load_settings(environment)
    found = at_once(configured_routes(compiled(text, settings), settings))
    return {route["route"]: route for route in found}


def policies(route: Any) -> dict[str, tuple[Any, str]]:
    return {one["key"]: (one["value"], one["from"]) for one in route["policies"]}


def test_routes_stand_in_the_order_in_which_they_are_tried() -> None:
    assert list(routes()) == ["orders", "shop", "none", "all"]


def test_a_policy_is_told_with_its_level() -> None:
    assert policies(routes()["shop"]) == {
        "timeouts.connect": (1.0, "defaults"),
        "timeouts.head": (5.0, "route"),
        "timeouts.idle": (300.0, "built in"),
        "timeouts.total": (0.0, "defaults"),
        "limits": (["default", "plans"], "route"),
        "limits.default": ("5 in 2 s by client", "limits.default"),
        "limits.plans": ("9 in 60 s by header x-plan", "limits.plans"),
        "cors": (None, "route"),
        "allow": (["10.0.0.0/8"], "route"),
        "deny": (None, "route"),
        "max_body": (1024, "route"),
        "concurrent": (3, "services.legacy"),
    }


def test_what_a_route_switches_off_is_told_as_its_own() -> None:
    told = policies(routes()["none"])
    assert told["limits"] == ([], "route")
    assert told["timeouts.connect"] == told["timeouts.head"] == (0.0, "route")
    assert "limits.default" not in told


def test_variables_that_are_set_win_over_defaults_and_are_named() -> None:
    found = routes(
        UPSTREAM_CONNECT_TIMEOUT="3",
        UPSTREAM_TIMEOUT="4",
        RATE_LIMIT_WINDOW="7",
        CORS_ORIGINS="https://a.example",
        MAX_BODY_BYTES="10",
    )
    told = policies(found["orders"])
    assert told["timeouts.connect"] == (3.0, "environment UPSTREAM_CONNECT_TIMEOUT")
    assert told["limits"] == (["default"], "defaults")
    assert told["limits.default"] == ("5 in 7 s by client", "environment RATE_LIMIT_WINDOW")
    assert told["cors"] == (["https://a.example"], "environment CORS_ORIGINS")
    assert told["max_body"] == (10, "environment MAX_BODY_BYTES")
    # A route wins over the environment.
    assert policies(found["shop"])["timeouts.head"] == (5.0, "route")


def test_a_service_wins_over_the_environment_and_a_route_over_its_service() -> None:
    text = """
        services: {legacy: {limits: null, timeouts: {head: 5s, total: 9s}}}
        routes: [{name: a, match: {}, service: legacy, timeouts: {total: 1s}}]
    """
    told = policies(routes(text, UPSTREAM_TIMEOUT="4", UPSTREAM_IDLE_TIMEOUT="6")["a"])
    assert told["timeouts.head"] == (5.0, "services.legacy")
    assert told["timeouts.total"] == (1.0, "route")
    assert told["timeouts.idle"] == (6.0, "environment UPSTREAM_IDLE_TIMEOUT")
    assert told["limits"] == ([], "services.legacy")


def test_a_limit_that_is_switched_off_is_told() -> None:
    told = policies(routes(RATE_LIMIT_REQUESTS="0")["orders"])
    assert told["limits.default"] == (None, "environment RATE_LIMIT_REQUESTS")


def test_without_defaults_the_built_in_limit_holds() -> None:
    told = policies(routes("routes: [{name: a, match: {}, service: s}]")["a"])
    assert told["limits"] == (["default"], "built in")
    assert told["limits.default"] == ("100 in 60 s by client", "built in")


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("shop", ["hygiene", "route", "allow/deny", "limits", "candidates", "hop"]),
        ("none", ["hygiene", "route", "candidates", "hop"]),
        ("all", ["hygiene", "route", "limits", "respond"]),
    ],
)
def test_a_route_is_told_with_what_its_requests_go_through(name: str, order: list[str]) -> None:
    assert routes()[name]["order"] == order


def test_a_file_tells_of_discovered_routes_by_the_services_that_it_names() -> None:
    settings = load_settings({})
    found = routes_to_discover(compiled(FILE, settings), settings)
    assert [(route["route"], route["service"]) for route in found] == [
        ("/api/legacy", "legacy"),
        ("/api/{name}", "{name}"),
    ]
    assert policies(found[0])["concurrent"] == (3, "services.legacy")
    assert "concurrent" not in policies(found[1])
    nothing = compiled("discover: false", settings)
    assert routes_to_discover(nothing, settings) == []


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (
            "{requests: 5, window: 1m, counts: [401, 403, 500-599]}",
            "5 in 60 s by client, answers 401 403 500-599",
        ),
        ("{concurrent: 50, by: everyone}", "50 in flight by everyone"),
        ("{concurrent: 5, by: subject, shadow: true}", "5 in flight by subject, shadow"),
        (
            "{budget: 100000, window: 1h, by: service, cost: {json: /usage/a~1b}, reserve: 4000}",
            "100000 units in 3600 s by service, cost in json /usage/a~1b, 4000 reserved",
        ),
        (
            "{budget: 10, window: 1s, cost: {response_header: X-Cost}}",
            "10 units in 1 s by client, cost in response_header x-cost, 1 reserved",
        ),
        (
            "{budget: 10, window: 1s, cost: {event_stream: /a}}",
            "10 units in 1 s by client, cost in event_stream /a, 1 reserved",
        ),
    ],
)
def test_each_kind_of_limit_is_told_in_words(limit: str, words: str) -> None:
    text = f"""
    limits: {{a: {limit}}}
    routes: [{{name: a, match: {{}}, respond: {{}}, limits: [a]}}]
    """
    assert policies(routes(text)["a"])["limits.a"] == (words, "limits.a")
