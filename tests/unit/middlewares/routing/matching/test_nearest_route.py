"""A request without a route is told of the nearest one, and what differs."""

import pytest

from middlewares.header_section import HeaderSection
from middlewares.routing.matching.match import Exact, Match, Present
from middlewares.routing.matching.matcher import Matcher

MATCHER = Matcher(
    [
        (Match(host="a.com", path="/orders/{id}", methods=frozenset(["GET", "HEAD"])), "orders"),
        (Match(host="a.com", path="/plans", headers={"x-plan": Exact("gold")}), "plans"),
        (Match(host="a.com", path="/search", query={"q": Present()}), "search"),
        (Match(host="a.com", prefix="/deep/er"), "deep"),
        (
            Match(host="a.com", path="/both", headers={"x": Present()}, query={"q": Present()}),
            "both",
        ),
        (Match(host="b.com", path="/carts/{id}"), "carts"),
    ]
)


@pytest.mark.parametrize(
    ("host", "method", "path", "expected"),
    [
        ("a.com", "POST", "/orders/7", "orders, which takes GET and HEAD"),
        ("a.com", "GET", "/plans", "plans, which has a condition on the field x-plan"),
        ("a.com", "GET", "/search", "search, which has a condition on the member of the query q"),
        ("a.com", "GET", "/both", "both, which has a condition on the member of the query q"),
        ("a.com", "GET", "/carts/7", "carts, which is on the host b.com"),
        ("a.com", "GET", "/orders/7/items", "orders, which has the path /orders/{id}"),
        ("a.com", "GET", "/orders", "orders, which has the path /orders/{id}"),
        ("a.com", "GET", "/deep", "deep, which has the prefix /deep/er"),
        ("a.com", "GET", "/order/7", "orders, which has the path /orders/{id}"),
        ("a.com", "GET", "/Plans", "plans, which has the path /plans"),
        ("a.com", "GET", "/deep/re/x", "deep, which has the prefix /deep/er"),
        ("a.com", "GET", "/depe/er", "deep, which has the prefix /deep/er"),
    ],
)
def test_the_nearest_route_is_named(host: str, method: str, path: str, expected: str) -> None:
    request = (host, path, method, HeaderSection([]), "")
    assert MATCHER.find(*request) is None
    nearest = MATCHER.nearest(*request)
    assert nearest is not None
    said = nearest.explain(nearest.route, to_the_operator=True)
    assert said == f"the nearest route is {expected}"


def test_a_segment_that_is_right_is_nearer_than_one_that_is_mistyped() -> None:
    matcher = Matcher(
        [
            (Match(host="a.com", path="/order/{id}"), "typed"),
            (Match(path="/orders/all"), "right"),
            (Match(host="a.com", path="/v1/users"), "users"),
            (Match(host="a.com", path="/v1/orders"), "orders"),
        ]
    )
    for path, expected in (
        ("/orders", "right"),
        ("/orders/7", "typed"),
        ("/v1/ordres", "orders"),
        ("/v1/x", "users"),
    ):
        nearest = matcher.nearest("a.com", path, "GET", HeaderSection([]), "")
        assert nearest is not None
        assert nearest.route == expected, path


@pytest.mark.parametrize(("path", "name"), [("/plans", "plans"), ("/carts/7", "carts")])
def test_hosts_and_fields_are_not_told_to_everybody(path: str, name: str) -> None:
    nearest = MATCHER.nearest("a.com", path, "GET", HeaderSection([]), "")
    assert nearest is not None
    assert nearest.explain(name, to_the_operator=False) == f"the nearest route is {name}"


@pytest.mark.parametrize(("host", "path"), [("a.com", "/none"), ("c.com", "/orders"), ("", "*")])
def test_a_request_that_is_like_no_route_has_none(host: str, path: str) -> None:
    assert MATCHER.nearest(host, path, "GET", HeaderSection([]), "") is None


@pytest.mark.parametrize(
    ("path", "expected"), [("/orders/", "orders"), ("/orders/7", "orders"), ("/none", "rest")]
)
def test_a_route_that_shares_more_of_the_path_is_nearer_than_one_on_another_host(
    path: str, expected: str
) -> None:
    matcher = Matcher([(Match(host="b.com"), "rest"), (Match(path="/orders"), "orders")])
    nearest = matcher.nearest("a.com", path, "GET", HeaderSection([]), "")
    assert nearest is not None
    assert nearest.route == expected
