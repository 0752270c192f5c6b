"""A route's compression as the layer gets it and as people see it: each key from the most specific level."""

import pytest

from discovery.base.steps import at_once
from gateway.config.compiled.compiling import Compiled
from gateway.config.compiled.describing import configured_routes, routes_to_discover
from gateway.config.settings import GatewaySettings
from middlewares import codings
from middlewares.compress.policy import DEFAULT_TYPES, CompressPolicy
from middlewares.routing.policy import RoutePolicy
from tests.support.configuration_files import mistakes_in
from tests.unit.gateway.config.compiled.test_describing import compiled, policies

FILE = """
    defaults: {compress: {over: 2KiB, encodings: [gzip]}}
    services: {shop: {compress: {types: ["Text/*"], encodings: [br, zstd]}}, live: {compress: null}}
    routes:
      - {name: own, match: {prefix: /own}, service: shop, compress: {over: 0, level: {zstd: 9}}}
      - {name: shop, match: {prefix: /shop}, service: shop}
      - {name: none, match: {prefix: /none}, service: shop, compress: null}
      - {name: live, match: {prefix: /live}, service: live}
      - {name: again, match: {prefix: /again}, service: live, compress: {event_streams: true}}
      - {name: other, match: {prefix: /other}, service: other}
      - {name: here, match: {prefix: /here}, respond: {}}
      - {name: off, match: {prefix: /off}, respond: {}, compress: null}
"""
ALL = (b"zstd", b"br", b"gzip")


def made(text: str = FILE) -> Compiled:
    return compiled(text, GatewaySettings())


def of_routes(found: Compiled) -> dict[str, RoutePolicy]:
    return {route.id: route.policy for route in found.matcher.order()}


DEFAULTS = CompressPolicy(over_bytes=2048, encodings=(b"gzip",), levels=((b"gzip", 5),))
SHOP = CompressPolicy(
    types=(b"text/*",),
    over_bytes=2048,
    encodings=(b"br", b"zstd"),
    levels=((b"br", 4), (b"zstd", 3)),
)


@pytest.mark.parametrize(
    ("route", "policy"),
    [
        (
            "own",
            CompressPolicy(
                types=(b"text/*",),
                over_bytes=0,
                encodings=(b"br", b"zstd"),
                levels=((b"br", 4), (b"zstd", 9)),
            ),
        ),
        ("shop", SHOP),
        ("none", None),
        ("live", None),
        (
            "again",
            CompressPolicy(
                encodings=ALL,
                levels=((b"zstd", 3), (b"br", 4), (b"gzip", 5)),
                event_streams=True,
            ),
        ),
        ("other", DEFAULTS),
        ("here", DEFAULTS),
        ("off", None),
    ],
)
def test_the_most_specific_level_wins_key_by_key_and_null_takes_all_back(
    route: str, policy: CompressPolicy | None
) -> None:
    found = of_routes(made())[route]
    assert found.compress == policy
    assert found.is_outer_changed is (policy is not None)


def test_discovered_routes_have_what_their_service_and_the_defaults_say() -> None:
    found = made()
    assert found.policy.compress == DEFAULTS
    assert found.policies["shop"].compress == SHOP
    assert found.policies["live"].compress is None


def test_without_its_package_brotli_is_no_default_and_a_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.config.file.compress.is_readable", lambda coding: coding != b"br")
    (mistake,) = mistakes_in("defaults: {compress: {encodings: [br, gzip]}}")
    assert mistake == (
        "f:1:35: defaults.compress.encodings[0]: br needs a package that is not installed: "
        'pip install "lockgate[brotli]"; or leave br out'
    )
    assert codings.is_readable(b"br")


def told(found: Compiled, route: str) -> dict[str, tuple[object, str]]:
    described = [
        *at_once(configured_routes(found, GatewaySettings())),
        *routes_to_discover(found, GatewaySettings()),
    ]
    (one,) = [one for one in described if one["route"] == route]
    rows = policies(one)
    return {key: row for key, row in rows.items() if key.startswith("compress")}


def test_each_key_is_told_with_its_level() -> None:
    assert told(made(), "own") == {
        "compress.types": (["text/*"], "services.shop"),
        "compress.over": (0, "route"),
        "compress.encodings": (["br", "zstd"], "services.shop"),
        "compress.level.br": (4, "route"),
        "compress.level.zstd": (9, "route"),
        "compress.event_streams": (False, "built in"),
    }
    assert told(made(), "here")["compress.over"] == (2048, "defaults")
    assert told(made(), "again")["compress.types"] == (
        [one.decode() for one in DEFAULT_TYPES],
        "built in",
    )


def test_a_null_is_told_with_its_level() -> None:
    assert told(made(), "none") == {"compress": (None, "route")}
    assert told(made(), "live") == {"compress": (None, "services.live")}
    assert told(made("routes: [{name: r, match: {}, service: s}]"), "r") == {}
