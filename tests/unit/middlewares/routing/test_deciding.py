"""Which service a request target belongs to, and that not one byte of the rest is touched."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.naming import Catalogue, service_of
from middlewares.routing.deciding import RouteTable, split_target, target_behind


@dataclass
class Found:
    """A route, and the target that goes to its service."""

    id: str
    service: str
    prefix: str
    target: str


def find_route(path_and_query: str, catalogue: Catalogue) -> Found | None:
    route = RouteTable(catalogue).find(path_and_query.partition("?")[0])
    if route is None:
        return None
    return Found(route.id, route.service, route.prefix, target_behind(route, path_and_query))


@dataclass(frozen=True)
class Registered:
    """A view by its two questions alone."""

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
    assert find_route("/api/price/x?y", PRICE) == Found(
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


# Targets


@pytest.mark.parametrize(
    ("target", "authority", "path"),
    [
        ("/api/price/x?y", None, "/api/price/x?y"),
        ("/x?u=http://h/y", None, "/x?u=http://h/y"),
        ("//h/x", None, "//h/x"),
        ("http://h/api/price/x?y", "h", "/api/price/x?y"),
        ("HTTP://h:80/x", "h:80", "/x"),
        ("https://[::1]:80/x", "[::1]:80", "/x"),
        ("http://h", "h", "/"),
        ("http://h?y=/z", "h", "/?y=/z"),
        ("http://h//x", "h", "//x"),
        ("http://user@h/x", "user@h", "/x"),
        ("http:///x", "", "/x"),
        ("ftp://h/x", None, "ftp://h/x"),
        ("*", None, "*"),
        ("h:80", None, "h:80"),
    ],
)
def test_an_absolute_form_target_is_taken_apart(
    target: str, authority: str | None, path: str
) -> None:
    assert split_target(target) == (authority, path)
