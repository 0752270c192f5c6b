"""The values of a request's variables."""

from typing import Any

import pytest

from middlewares.auth.deciding import Identity
from middlewares.exchange import Exchange
from middlewares.head_changes import FieldEdits, HeadChanges
from middlewares.header_section import HeaderSection
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import Route
from middlewares.transform.deciding.variables import parse_template
from middlewares.transform.values import RequestValues

FIELDS = (
    (b"Host", b"h"),
    (b"X-Plan", b"gold"),
    (b"x-plan", b"\xfc"),
    (b"Authorization", b"Bearer x"),
    (b"Cookie", b"sid=1; a=2"),
)
CLAIMS: dict[str, Any] = {
    "role": "admin",
    "level": 3,
    "share": 0.5,
    "staff": True,
    "groups": ("a", 1, False),
    "odd": "\ud800",
}


def value(text: str, exchange: Exchange | None = None) -> str | None:
    (variable,) = parse_template(text).variables
    return RequestValues(exchange or of_request(), "GET").value(variable)


def of_request(target: str = "/api/shop/a%2Fb?x=1%26+2&x=3&y", **said: Any) -> Exchange:
    exchange = Exchange(
        "the-id", 0.0, "192.0.2.1", HeaderSection(FIELDS), None, target, target.partition("?")[0]
    )
    exchange.route = Route("/api/shop", "shop", "/api/shop", RoutePolicy())
    for name, one in said.items():
        setattr(exchange, name, one)
    return exchange


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{client_ip}", "192.0.2.1"),
        ("{correlation_id}", "the-id"),
        ("{method}", "GET"),
        ("{service}", "shop"),
        ("{version}", None),
        ("{subject}", None),
        ("{claim.role}", None),
        ("{path.rest}", "/a%2Fb"),
        ("{path.id}", None),
        ("{query.x}", "1& 2"),
        ("{query.y}", ""),
        ("{query.z}", None),
        ("{header.X-PLAN}", "gold, \udcfc"),
        ("{header.X-None}", None),
    ],
)
def test_each_variable_tells_of_the_request(text: str, expected: str | None) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("role", "admin"),
        ("level", "3"),
        ("share", "0.5"),
        ("staff", "true"),
        ("groups", "a,1,false"),
        ("odd", "?"),
        ("none", None),
    ],
)
def test_claims_are_told_as_text(name: str, expected: str | None) -> None:
    identity = Identity("users", "jwt", "ada", claims=CLAIMS)
    assert value(f"{{claim.{name}}}", of_request(identity=identity)) == expected
    assert value("{subject}", of_request(identity=identity)) == "ada"


def test_a_request_without_a_route_has_no_service_and_no_path() -> None:
    exchange = of_request(route=None)
    assert value("{service}", exchange) is None
    assert value("{path.rest}", exchange) is None


def test_what_auth_takes_out_has_no_value_and_what_it_adds_has_one() -> None:
    changes = HeadChanges(
        frozenset([b"authorization"]), {b"cookie": b"a=2"}, b"X-User: ada\r\nX-Plan: silver\r\n"
    )
    exchange = of_request(changes=changes)
    assert value("{header.Authorization}", exchange) is None
    assert value("{header.Cookie}", exchange) == "a=2"
    assert value("{header.X-User}", exchange) == "ada"
    assert value("{header.X-Plan}", exchange) == "gold, \udcfc, silver"


def test_what_rules_make_of_the_head_is_not_there_yet() -> None:
    exchange = of_request(changes=HeadChanges(edits=(FieldEdits(removed=frozenset([b"x-plan"])),)))
    assert value("{header.X-Plan}", exchange) == "gold, \udcfc"


def test_the_version_is_that_which_the_request_is_for_until_an_instance_was_asked() -> None:
    assert value("{version}", of_request(version="1")) == "1"
