"""Mirrors of a file in the form that the layer works with, and in words."""

from discovery.base.steps import at_once
from gateway.config.compiled.describing import configured_routes
from gateway.config.settings import GatewaySettings
from middlewares.mirror.policy import SAFE, Comparison, MirrorPolicy
from middlewares.version_ranges import parse_range
from tests.unit.gateway.config.compiled.test_describing import compiled, policies

FILE = """
defaults: {mirror: {to: {service: lab}}}
services: {orders: {mirror: [{to: "3"}, {to: {service: lab}, share: 0}]}}
routes:
  - {name: a, match: {prefix: /a}, service: shop}
  - {name: b, match: {prefix: /b}, service: orders}
  - {name: c, match: {prefix: /c}, service: orders, mirror: null}
  - {name: d, match: {prefix: /d}, respond: {body: here}}
  - name: e
    match: {prefix: /e}
    service: orders
    mirror:
      to: ">=3"
      share: 0.5
      compare: {headers: [Content-Type], json: true, ignore: ["/items/*/a~1b"], values: true}
      methods: [GET, POST]
      credentials: true
      timeout: 500ms
      in_flight: 5
      body: 1KiB
"""


def test_the_most_specific_level_is_taken_whole() -> None:
    made = compiled(FILE, GatewaySettings())
    mirrors = {route.id: route.policy.mirrors for route in made.matcher.order()}
    lab = MirrorPolicy(service="lab")
    assert mirrors["a"] == (lab,)
    assert mirrors["b"] == (MirrorPolicy(versions=parse_range("3")),)
    assert mirrors["c"] == ()
    assert mirrors["e"] == (
        MirrorPolicy(
            versions=parse_range(">=3"),
            share=0.5,
            comparison=Comparison((b"content-type",), True, (("items", "*", "a/b"),), True),
            methods=frozenset(["GET", "POST"]),
            credentials=True,
            timeout_s=0.5,
            in_flight=5,
            body_bytes=1024,
        ),
    )
    assert made.policy.mirrors == (lab,)
    assert lab.methods == SAFE


def test_only_routes_with_a_mirror_have_its_layer() -> None:
    made = compiled(FILE, GatewaySettings())
    inner = {route.id: route.policy.is_inner_changed for route in made.matcher.order()}
    assert (inner["a"], inner["c"]) == (True, False)


def test_each_mirror_has_a_row_with_its_level() -> None:
    settings = GatewaySettings()
    told = at_once(configured_routes(compiled(FILE, settings), settings))
    rows = {
        route["route"]: {k: v for k, v in policies(route).items() if k.startswith("mirror")}
        for route in told
    }
    usual = "compares status, within 10 s, 20 in flight, bodies up to 65536 bytes"
    assert rows == {
        "a": {"mirror.lab": (f"100 % of the requests, {usual}", "defaults")},
        "b": {"mirror.3": (f"100 % of the requests, {usual}", "services.orders")},
        "c": {"mirror": (None, "route")},
        "d": {},
        "e": {
            "mirror.>=3": (
                (
                    "0.5 % of the requests, methods GET POST, compares status content-type json, "
                    "ignores /items/*/a~1b, shows values, with credentials, within 0.5 s, 5 in flight, "
                    "bodies up to 1024 bytes"
                ),
                "route",
            )
        },
    }
    order = {route["route"]: (route["order"], route["order_out"]) for route in told}
    assert "mirror" in order["a"][0]
    assert "mirror" in order["a"][1]
    assert "mirror" not in order["c"][0]
