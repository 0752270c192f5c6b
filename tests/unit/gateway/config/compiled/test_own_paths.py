"""Where the paths of log-ins are: on the hosts of the routes that have their way."""

import pytest

from discovery.base.steps import at_once
from gateway.config.compiled.compiling import Compiled, compiling
from gateway.config.compiled.describing import configured_routes
from gateway.config.file.loading import reading
from gateway.config.settings import load_settings
from middlewares.header_section import HeaderSection
from middlewares.routing.matching.matcher import Ambiguous
from middlewares.routing.route import OfWays

WAYS = """
auth:
  a: {type: oidc, issuer: "https://a.example", client_id: c}
  b: {type: oidc, issuer: "https://b.example", client_id: c}
"""
SETTINGS = load_settings({})


def compiled(text: str) -> Compiled:
    configuration = at_once(reading((WAYS + text).encode())).configuration
    assert configuration is not None
    return at_once(compiling(configuration, SETTINGS))


def ways_at(table: Compiled, host: str, path: str = "/oidc/callback") -> tuple[str, ...]:
    """The ways that answer at a path of a host; none: another route takes it, or no one."""
    hit = table.matcher.find(host, path, "GET", HeaderSection(()), "")
    assert not isinstance(hit, Ambiguous)
    answer = None if hit is None else hit.route.answer
    return answer.ways if isinstance(answer, OfWays) else ()


def test_a_route_with_a_host_has_them_there_alone() -> None:
    table = compiled(
        """
discover: false
defaults: {auth: none}
routes:
  - {name: x, match: {host: X.example}, service: s, auth: {any_of: [a]}}
  - {name: y, match: {host: y.example, prefix: /p}, service: s, auth: {any_of: [b, a]}}
  - {name: z, match: {host: "*.wild.example"}, service: s, auth: {any_of: [b]}}
  - {name: open, match: {host: open.example}, service: s}
"""
    )
    assert ways_at(table, "x.example:8443") == ("a",)
    assert ways_at(table, "y.example", "/oidc/logout") == ("b", "a")
    assert ways_at(table, "one.wild.example", "/oidc/backchannel-logout") == ("b",)
    assert ways_at(table, "open.example") == ()
    assert ways_at(table, "elsewhere.example") == ()
    assert ways_at(table, "x.example", "/oidc/callback/more") == ()


@pytest.mark.parametrize(
    "text",
    [
        "defaults: {auth: {any_of: [a]}}",
        "defaults: {auth: none}\nservices: {s: {auth: {any_of: [a]}}}",
        (
            "discover: false\ndefaults: {auth: none}\n"
            "routes: [{name: x, match: {prefix: /}, service: s, auth: {any_of: [a]}}]"
        ),
        (
            "discover: false\ndefaults: {auth: none}\nservices: {s: {auth: {any_of: [a]}}}\n"
            "routes: [{name: x, match: {prefix: /}, service: s}]"
        ),
    ],
)
def test_a_way_that_is_used_on_any_host_has_them_everywhere(text: str) -> None:
    assert ways_at(compiled(text), "anything.example") == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "defaults: {auth: none}",
        (
            "discover: false\ndefaults: {auth: {any_of: [a]}}\n"
            "routes: [{name: x, match: {prefix: /}, service: s, auth: none}]"
        ),
        (
            "discover: false\ndefaults: {auth: none}\nservices: {s: {auth: {any_of: [a]}}}\n"
            "routes: [{name: x, match: {prefix: /}, service: s, auth: none}]"
        ),
    ],
)
def test_a_way_that_is_not_used_has_none(text: str) -> None:
    assert ways_at(compiled(text), "anything.example") == ()


def test_a_host_has_those_of_every_host_too() -> None:
    table = compiled(
        """
defaults: {auth: {any_of: [a]}}
routes:
  - {name: x, match: {host: x.example, prefix: /x}, service: s, auth: {any_of: [b]}}
"""
    )
    assert ways_at(table, "x.example") == ("b", "a")
    assert ways_at(table, "y.example") == ("a",)


def test_a_host_has_those_of_the_wildcards_that_take_it_too() -> None:
    table = compiled(
        """
discover: false
defaults: {auth: none}
routes:
  - {name: x, match: {host: x.one.example, prefix: /x}, service: s, auth: {any_of: [a]}}
  - {name: one, match: {host: "*.one.example"}, service: s, auth: {any_of: [b]}}
  - {name: all, match: {host: "*.example", prefix: /y}, service: s, auth: {any_of: [a]}}
"""
    )
    assert ways_at(table, "x.one.example") == ("a", "b")
    assert ways_at(table, "y.one.example") == ("b", "a")
    assert ways_at(table, "two.example") == ("a",)
    assert ways_at(table, "example") == ()


def test_a_route_of_the_file_does_not_take_them() -> None:
    table = compiled(
        """
discover: false
defaults: {auth: none}
routes:
  - {name: taken, match: {host: x.example, path: /oidc/callback}, service: s}
  - {name: x, match: {host: x.example}, service: s, auth: {any_of: [a]}}
"""
    )
    assert ways_at(table, "x.example") == ("a",)


def test_they_are_shown_with_the_other_routes() -> None:
    table = compiled(
        """
discover: false
routes: [{name: x, match: {host: x.example}, service: s, auth: {any_of: [a]}}]
"""
    )
    shown = at_once(configured_routes(table, SETTINGS))
    assert [one["match"] for one in shown[:3]] == [
        {"host": "x.example", "path": path}
        for path in ("/oidc/callback", "/oidc/logout", "/oidc/backchannel-logout")
    ]
    assert shown[0]["ways"] == ["a"]
    assert shown[0]["order"] == ["hygiene", "route", "limits", "the way"]
    assert shown[3]["route"] == "x"
