"""What single parts of Traefik's configuration come to."""

from typing import Any

import pytest

from gateway.cli.importing.model import Unreadable
from tests.unit.gateway.cli.importing.reading import (
    Route,
    document_of,
    route_of,
    routes_of,
    services_of,
)

CLOSED = {"from": ["0.0.0.0/0", "::/0"]}
SERVICES = 'services: {a: {loadBalancer: {servers: [{url: "http://a:1"}]}}}'


def with_middlewares(rule: str, middlewares: str, names: str) -> Route:
    """The route of a router with these middlewares."""
    router = f"{{rule: {rule}, service: a, middlewares: [{names}]}}"
    text = f"http: {{routers: {{r: {router}}}, middlewares: {{{middlewares}}}, {SERVICES}}}"
    return route_of("traefik", text)


@pytest.mark.parametrize(
    ("rule", "middlewares", "rewrite"),
    [
        ("PathPrefix(`/api`)", "m: {stripPrefix: {prefixes: [/api]}}", {"strip": "/api"}),
        ("PathPrefix(`/api/v1`)", "m: {stripPrefix: {prefixes: [/api/v1/]}}", {"strip": "/api/v1"}),
        ("PathPrefix(`/api/v1`)", "m: {stripPrefix: {prefixes: [/api]}}", {"prefix": "/v1"}),
        ("PathPrefix(`/api/`)", "m: {stripPrefix: {prefixes: [/api]}}", {"strip": "/api"}),
        ("Path(`/api/x/`)", "m: {stripPrefix: {prefixes: [/api]}}", {"path": "/x/"}),
        ("PathPrefix(`/api`)", "m: {stripPrefix: {prefixes: [/other]}}", None),
        ("PathPrefix(`/api`)", "m: {stripPrefix: {prefixes: [/ap]}}", None),
        ("Path(`/api/x`)", "m: {stripPrefix: {prefixes: [/api]}}", {"path": "/x"}),
        ("Path(`/api`)", "m: {stripPrefix: {prefixes: [/api]}}", {"path": "/"}),
        ("PathPrefix(`/api`)", "m: {addPrefix: {prefix: /v2}}", {"prefix": "/v2/api"}),
        ("Host(`a`)", "m: {addPrefix: {prefix: /v2}}", {"prefix": "/v2"}),
        ("Path(`/x`)", "m: {addPrefix: {prefix: /v2}}", {"path": "/v2/x"}),
        ("PathPrefix(`/api`)", "m: {replacePath: {path: /all}}", {"path": "/all"}),
        ("PathPrefix(`/api`)", "m: {replacePathRegex: {regex: a, replacement: b}}", None),
    ],
)
def test_a_path_is_rewritten_as_middlewares_do(
    rule: str, middlewares: str, rewrite: dict[str, str] | None
) -> None:
    assert with_middlewares(f'"{rule}"', middlewares, "m").get("rewrite") == rewrite


def test_middlewares_follow_each_other() -> None:
    strip, add = "s: {stripPrefix: {prefixes: [/api]}}", "p: {addPrefix: {prefix: /v2}}"
    chain = f"{strip}, {add}, c: {{chain: {{middlewares: [s, p]}}}}"
    assert with_middlewares("PathPrefix(`/api`)", chain, "c")["rewrite"] == {"prefix": "/v2"}


@pytest.mark.parametrize(
    "middleware",
    [
        "basicAuth: {users: [a]}",
        "digestAuth: {users: [a]}",
        "forwardAuth: {address: http://a}",
        "plugin: {x: {}}",
        "ipAllowList: {sourceRange: []}",
        "ipAllowList: {sourceRange: [10.0.0.0/8, office]}",
        "something: {new: 1}",
        "chain: {middlewares: [missing]}",
        "chain: {middlewares: [m]}",
    ],
)
def test_what_may_restrict_access_and_is_not_understood_closes_the_route(middleware: str) -> None:
    assert with_middlewares("Host(`a`)", f"m: {{{middleware}}}", "m")["deny"] == CLOSED


@pytest.mark.parametrize("name", ["missing", "missing@file"])
def test_a_middleware_that_is_not_in_the_file_closes_the_route(name: str) -> None:
    assert with_middlewares("Host(`a`)", "", name)["deny"] == CLOSED


def test_a_closed_route_stays_closed() -> None:
    middlewares = "m: {basicAuth: {users: [a]}}, n: {ipAllowList: {sourceRange: [10.0.0.0/8]}}"
    for names in ("m, n", "n, m"):
        found = with_middlewares("Host(`a`)", middlewares, names)
        assert found["deny"] == CLOSED
        assert "allow" not in found


@pytest.mark.parametrize(
    ("middleware", "key", "value"),
    [
        ("ipWhiteList: {sourceRange: [10.0.0.1]}", "allow", {"from": ["10.0.0.1"]}),
        ("buffering: {maxRequestBodyBytes: 1000}", "max_body", 1000),
        ("buffering: {maxRequestBodyBytes: 0}", "max_body", None),
        ("rateLimit: {average: 10}", "limits", ["m"]),
        ("rateLimit: {average: 0}", "limits", None),
        ("rateLimit: {average: 10, sourceCriterion: {requestHost: true}}", "limits", None),
        ("headers: {accessControlAllowOriginList: [null]}", "cors", None),
        ('headers: {accessControlAllowOriginList: ["*"], accessControlAllowCredentials: true}', "cors",
         {"origins": ["*"]}),
        ("headers: {accessControlMaxAge: 5}", "cors", None),
        ("redirectScheme: {scheme: https}", "redirect", {"scheme": "https", "port": 443, "status": 302}),
        ("redirectScheme: {scheme: https, port: 8443, permanent: true}", "redirect",
         {"scheme": "https", "port": 8443, "status": 301}),
        ("compress: {}", "deny", None),
    ],
)  # fmt: skip
def test_a_middleware_is_a_policy(middleware: str, key: str, value: object) -> None:
    assert with_middlewares("Host(`a`)", f"m: {{{middleware}}}", "m").get(key) == value


def test_the_rate_of_a_limit_is_its_average_in_its_period() -> None:
    text = (
        "http: {routers: {r: {rule: Path(`/`), service: a, middlewares: [m]}}, middlewares: "
        "{m: {rateLimit: {average: 10, period: 1m30s, sourceCriterion: {requestHeaderName: X-Tenant}}}}, "
        f"{SERVICES}}}"
    )
    limits = document_of("traefik", text)["limits"]
    assert limits == {"m": {"requests": 10, "window": "90s", "by": {"header": "X-Tenant"}}}


def test_the_middlewares_of_an_entry_point_are_those_of_its_routers() -> None:
    text = (
        "entryPoints: {web: {http: {middlewares: [login]}}, other: {}}\n"
        "http: {middlewares: {login: {basicAuth: {users: [x]}}}, "
        f"routers: {{r: {{rule: Path(`/`), service: a, %s}}}}, {SERVICES}}}"
    )
    assert route_of("traefik", text % "entryPoints: [web]")["deny"] == CLOSED
    assert route_of("traefik", text % "priority: 1")["deny"] == CLOSED
    assert "deny" not in route_of("traefik", text % "entryPoints: [other]")


def test_a_router_whose_service_is_not_understood_answers_503() -> None:
    """Its requests must not go to a router with a wider rule."""
    found = route_of("traefik", "http: {routers: {r: {rule: Path(`/x`), service: missing}}}")
    assert found["respond"] == {"status": 503}


def test_of_two_routers_with_one_rule_the_one_that_leads_to_https_is_left_out() -> None:
    text = (
        "http: {routers: {a: {rule: Host(`a`), service: a, middlewares: [m]}, b: {rule: Host(`a`), service: a}}, "
        f"middlewares: {{m: {{redirectScheme: {{scheme: https}}}}}}, {SERVICES}}}"
    )
    (found,) = routes_of("traefik", text)
    assert found["name"] == "b"


def test_of_two_routers_with_one_rule_the_one_with_the_higher_priority_is_imported() -> None:
    text = (
        "http: {routers: {a: {rule: Host(`a`), service: a}, "
        "b: {rule: Host(`a`), service: a, priority: 90, middlewares: [missing]}}, "
        f"{SERVICES}}}"
    )
    (found,) = routes_of("traefik", text)
    assert (found["name"], found["deny"]) == ("b", CLOSED)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a: [", "traefik.yaml:1:5: not YAML: "),
        ("a: *b", "traefik.yaml:1:4: not YAML: "),
        ("- a", "traefik.yaml:1:1: the file must be a mapping"),
        ("a: &a [*a]", "traefik.yaml:1:4: an alias stands within its own value"),
        ("? [a]\n: b", "traefik.yaml:1:3: a key must be a text"),
        ("a: 1\n---\nb: 2", "traefik.yaml:2:1: not YAML: "),
        ("a: \0", "traefik.yaml:1:4: not YAML: a character that YAML does not allow"),
        ("a: " + "[" * 40, "traefik.yaml:1:35: more than 32 levels"),
        ("a: [" + "1," * 200_000 + "]", "traefik.yaml:1:"),
        ("a: &a {" + ",".join(f"k{i}: 1" for i in range(500)) + "}\nb: [" + "{<<: *a}," * 500 + "]",
         "traefik.yaml:2:"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, mistake: str) -> None:
    with pytest.raises(Unreadable) as error:
        document_of("traefik", text)
    assert str(error.value).startswith(mistake)
    assert "\n" not in str(error.value)


def test_an_alias_that_repeats_much_costs_nothing() -> None:
    lines = [
        "a0: &a0 [x]",
        *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)),
    ]
    assert routes_of("traefik", "\n".join(lines)) == []


@pytest.mark.parametrize(
    ("strategy", "by"),
    [
        ("wrr", "round_robin"),
        ("p2c", "p2c"),
        ("hrw", {"hash": "client"}),
        ("leasttime", None),
    ],
)
def test_the_strategy_of_a_load_balancer(strategy: str, by: Any) -> None:
    balancer = f"{{strategy: {strategy}, servers: [{{url: 'http://a:1'}}]}}"
    text = f"http: {{services: {{a: {{loadBalancer: {balancer}}}}}}}"
    (service,) = services_of("traefik", text).values()
    assert service.get("balance", {}).get("by") == by
