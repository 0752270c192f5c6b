"""Which service a request target belongs to, and that every other byte stays as it is."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.naming import Catalogue, service_of
from middlewares.limits.deciding import Policy
from middlewares.routing.deciding import Table, Why, target_behind
from middlewares.routing.policy import RoutePolicy
from tests.support.asked import TABLE, Request, from_a_page


@dataclass
class Taken:
    """A route, and the target that goes to its service."""

    id: str
    service: str
    prefix: str
    target: str


def find_route(path_and_query: str, catalogue: Catalogue) -> Taken | None:
    route = TABLE.find(Request(path_and_query.partition("?")[0]), lambda: catalogue, "GET").route
    if route is None:
        return None
    return Taken(route.id, route.service, route.prefix, target_behind(route, None, path_and_query))


@dataclass(frozen=True)
class Registered:
    """A stand-in for a view, with only the two questions of a catalogue."""

    registered: frozenset[str] = frozenset()
    known: frozenset[str] = field(default=frozenset())

    def is_in_force(self, service: str) -> bool:
        return service in self.registered

    def is_known(self, service: str) -> bool:
        return service in self.registered | self.known


def services(*names: str, known: tuple[str, ...] = ()) -> Registered:
    return Registered(frozenset(names), frozenset(known))


PRICE = services("price_service")


def target_of(path: str, catalogue: Registered = PRICE) -> str | None:
    route = find_route(path, catalogue)
    return None if route is None else route.target


# Paths


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/price/quotes/BTC", "/quotes/BTC"),
        ("/api/price", "/"),
        ("/api/price/", "/"),
        ("/api/price?a=1", "/?a=1"),
        ("/api/price/?a=1", "/?a=1"),
        ("/api/price?", "/?"),
        ("/api/price/x?", "/x?"),
        ("/api/price//x", "//x"),
        ("/api/price/a//b/", "/a//b/"),
        ("/api/price/a%2Fb", "/a%2Fb"),
        ("/api/price/%2e%2E/x", "/%2e%2E/x"),
        ("/api/price/../admin", "/../admin"),
        ("/api/price/a;v=1", "/a;v=1"),
        ("/api/price/%zz", "/%zz"),
        ("/api/price/x?next=/api/other/y?z", "/x?next=/api/other/y?z"),
        ("/api/price/api/price/x", "/api/price/x"),
        ("/api/price/\udcff", "/\udcff"),
    ],
)
def test_what_follows_the_segment_is_passed_as_it_came(path: str, target: str) -> None:
    assert target_of(path) == target


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/api",
            "/api/",
            "/api//x",
            "/api//price/x",
            "/apiprice/x",
            "/API/price/x",
            "//api/price",
        ),
        *(
            "/x/api/price/y",
            "/api?/price/x",
            "/api/Price/x",
            "/api/pr%69ce/x",
            "/api/price%2Fx",
        ),
        *(
            "/api/price;v=1/x",
            "/api/1price/x",
            "/api/unknown/x",
            "*",
            "",
            "/health?/api/price/x",
        ),
    ],
)
def test_any_other_path_has_no_route(path: str) -> None:
    assert find_route(path, PRICE) is None


def test_a_route_says_what_it_stripped_and_is_named_by_it() -> None:
    assert find_route("/api/price/x?y", PRICE) == Taken(
        id="/api/price", service="price_service", prefix="/api/price", target="/x?y"
    )


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40))
def test_prefix_and_target_put_together_are_the_path_again(rest: str) -> None:
    route = find_route(f"/api/price/{rest}", PRICE)
    assert route is not None
    assert route.prefix + route.target == f"/api/price/{rest}"


# Services


@pytest.mark.parametrize(
    ("segment", "catalogue", "service"),
    [
        ("price", services("price_service"), "price_service"),
        ("price", services("price"), "price"),
        ("price", services("price", "price_service"), "price_service"),
        ("price_service", services("price_service"), "price_service"),
        ("price", services("price", known=("price_service",)), "price"),
        ("price", services(known=("price", "price_service")), "price_service"),
        ("price", services(known=("price",)), "price"),
        ("price", services("prices", "a_price_service"), None),
        ("price", services(), None),
        ("", services("_service"), None),
        ("a" * 64, services("a" * 64), None),
    ],
)
def test_the_suffix_comes_first_and_what_is_registered_before_what_was(
    segment: str, catalogue: Registered, service: str | None
) -> None:
    assert service_of(segment, catalogue) == service


def test_a_service_that_has_gone_is_still_a_route() -> None:
    route = find_route("/api/price/x", services(known=("price_service",)))
    assert route is not None
    assert route.service == "price_service"


# Reasons


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/api/price/x", Why.DISCOVERED),
        ("/api/unknown/x", Why.NOT_REGISTERED),
        ("/api/", Why.NOT_REGISTERED),
        ("/api", Why.NOT_REGISTERED),
        ("/apiprice", Why.NOT_BELOW),
        ("/health", Why.NOT_BELOW),
    ],
)
def test_the_table_says_why(path: str, why: Why) -> None:
    found = TABLE.find(Request(path), lambda: PRICE, "GET")
    assert found.why is why
    assert TABLE.covers(path) == (why is not Why.NOT_BELOW)
    assert (found.route is not None) == (why is Why.DISCOVERED)


@pytest.mark.parametrize("path", ["/api?a=1", "/api/?a=1", "/api/price?a=1", "/api//"])
def test_a_path_with_a_query_is_covered_too(path: str) -> None:
    assert TABLE.covers(path)


@pytest.mark.parametrize("path", ["/api%2Fprice", "http://h/api/x", "/a", "/API/x", "*", ""])
def test_every_other_path_is_not_covered(path: str) -> None:
    assert not TABLE.covers(path)


def test_a_route_that_is_not_found_says_which_one_it_nearly_was() -> None:
    asked = from_a_page("/api/items", referer="http://here/api/shop/docs", host="here")
    found = TABLE.find(asked, lambda: PRICE, "GET")
    assert found.nearest is not None
    assert (found.route, found.nearest.prefix) == (None, "/api/shop")


# Tables


def test_a_table_routes_by_what_is_registered_now() -> None:
    assert find_route("/api/orders", PRICE) is None
    assert find_route("/api/orders", services("orders")) is not None
    assert find_route("/api/orders", PRICE) is None


def test_every_route_has_the_policy_of_its_table() -> None:
    policy = RoutePolicy(limits=(Policy("default", 1, 1),))
    before, after = Table(policy), Table(replace(policy, limits=()))
    for table, limits in ((before, policy.limits), (after, ()), (before, policy.limits)):
        route = table.find(Request("/api/price"), lambda: PRICE, "GET").route
        assert route is not None
        assert route.policy.limits == limits


def test_below_another_prefix_all_is_the_same() -> None:
    table = Table(RoutePolicy(), "/gw/v1")
    route = table.find(Request("/gw/v1/price/x"), lambda: PRICE, "GET").route
    assert route is not None
    assert target_behind(route, None, "/gw/v1/price/x?y") == "/x?y"
    assert (table.covers("/gw/v1"), table.covers("/gw/v11"), table.covers("/api")) == (1, 0, 0)
    assert table.route_to("price_service", PRICE) == "/gw/v1/price"


def test_a_route_goes_to_a_service_where_no_other_has_it() -> None:
    both = services("price", "price_service")
    assert TABLE.route_to("price_service", both) == "/api/price"
    assert TABLE.route_to("price", both) is None
    assert TABLE.route_to("price", services("price")) == "/api/price"
    assert TABLE.route_to("price", services()) is None
