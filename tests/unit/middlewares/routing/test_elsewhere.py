"""Which of the last requests would go elsewhere by another table; their values are not known."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from middlewares.access.deciding import AddressLists
from middlewares.header_section import HeaderSection
from middlewares.routing.configured import ConfiguredTable
from middlewares.routing.elsewhere import Routed, moved
from middlewares.routing.matching.match import Exact, Match, Present
from middlewares.routing.matching.matcher import Matcher
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.recent import RecentRequests
from middlewares.routing.route import Respond, Route

INSIDE = RoutePolicy(access=AddressLists(allow=(ip_network("10.0.0.0/8"),)))


@dataclass(frozen=True)
class Asked:
    path: str
    query: str = ""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    method: str = "GET"
    asked_host: bytes = b"shop.example"
    client_ip: str = "10.0.0.1"

    @property
    def section(self) -> HeaderSection:
        return HeaderSection(self.fields)


class Registered:
    """What is registered: order_service alone."""

    def is_in_force(self, service: str) -> bool:
        return service == "order_service"

    is_known = is_in_force


def route(name: str, service: str = "", **more: Any) -> Route:
    return Route(name, service or name, "", more.pop("policy", RoutePolicy()), **more)


def table(
    *routes: tuple[Match, Route], recent: RecentRequests | None = None, prefix: str | None = "/api"
) -> ConfiguredTable:
    return ConfiguredTable(
        RoutePolicy(),
        prefix,
        Matcher(routes),
        policies={},
        is_own=lambda _: False,
        has_cors=False,
        recent=recent,
    )


def lines(
    before: Sequence[tuple[Match, Route]], after: Sequence[tuple[Match, Route]], *requests: Asked
) -> list[str]:
    """What is said of requests that went by the table before."""
    recent = RecentRequests(100)
    in_force = table(*before, recent=recent)
    for one in requests:
        in_force.find(one, Registered, one.method)
    found = at_once(
        moved(recent, Routed(in_force, Registered()), Routed(table(*after), Registered()))
    )
    return [
        f"{one.requests}: {one.method} {one.host} {one.path}: {one.before} → {one.after}"
        for one in found
    ]


ORDERS = Match(path="/orders/{id}")
GOLD = Match(path="/orders/{id}", headers={"x-plan": Exact("gold")})
HAS_PLAN = Match(path="/orders/{id}", headers={"x-plan": Present()})
PLAN = ((b"X-Plan", b"silver"),)


def test_requests_of_one_kind_are_counted_together_the_most_frequent_first() -> None:
    before = [(ORDERS, route("orders")), (Match(prefix="/shop"), route("shop"))]
    after = [(Match(prefix="/orders"), route("gold"))]
    asked = [Asked("/shop/1"), *(Asked(f"/orders/{number}") for number in range(12))]
    assert lines(before, after, *asked) == [
        "12: GET shop.example /orders/{…}: orders → gold",
        "1: GET shop.example /shop/…: shop → 404",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (PLAN, ["1: GET shop.example /orders/{…}: orders → perhaps gold, else orders"]),
        ((), []),
    ],
)
def test_a_condition_on_a_value_is_perhaps_where_the_name_is_there_and_else_certainly_not(
    fields: tuple[tuple[bytes, bytes], ...], said: list[str]
) -> None:
    before, gold = [(ORDERS, route("orders"))], (GOLD, route("gold"))
    assert lines(before, [gold, *before], Asked("/orders/1", fields=fields)) == said


def test_a_condition_on_a_name_is_certain() -> None:
    before, plan = [(ORDERS, route("orders"))], (HAS_PLAN, route("plan"))
    assert lines(before, [plan, *before], Asked("/orders/1", fields=PLAN)) == [
        "1: GET shop.example /orders/{…}: orders → plan"
    ]


def test_what_the_taken_route_says_of_values_is_used() -> None:
    before = [(GOLD, route("gold")), (ORDERS, route("orders"))]
    after = [(GOLD, route("better")), (ORDERS, route("orders"))]
    gold = Asked("/orders/1", fields=((b"x-plan", b"gold"),))
    # The second one was not gold, or it would have gone there.
    assert lines(before, after, gold, Asked("/orders/1", fields=PLAN)) == [
        "1: GET shop.example /orders/{…}: gold → better"
    ]


def test_members_of_the_query_are_compared_decoded() -> None:
    before = [(ORDERS, route("orders"))]
    preview = (Match(path="/orders/{id}", query={"a b": Present()}), route("preview"))
    asked = [Asked("/orders/1", "a+b=1"), Asked("/orders/1", "a%20b=1"), Asked("/orders/1", "ab=1")]
    assert lines(before, [preview, *before], *asked) == [
        "2: GET shop.example /orders/{…}: orders → preview"
    ]


def test_a_member_whose_name_is_not_kept_may_be_any() -> None:
    before = [(ORDERS, route("orders"))]
    preview = (Match(path="/orders/{id}", query={"preview": Present()}), route("preview"))
    assert lines(before, [preview, *before], Asked("/orders/1", "preview")) == [
        "1: GET shop.example /orders/{…}: orders → perhaps preview, else orders"
    ]


def test_a_path_that_becomes_or_was_ambiguous_is_told() -> None:
    strict = [(Match(prefix="/orders"), route("orders"))]
    as_is = [(Match(prefix="/orders", as_is=True), route("orders"))]
    asked = Asked("/orders/a%2Fb")
    assert lines(strict, as_is, asked) == [
        "1: GET shop.example /orders/…: 400 ambiguous_path → orders"
    ]
    assert lines(as_is, strict, asked) == [
        "1: GET shop.example /orders/…: orders → 400 ambiguous_path"
    ]


def test_a_condition_may_decide_whether_a_path_is_ambiguous() -> None:
    takes_all = (Match(prefix="/a", as_is=True), route("all"))
    refuses = (Match(prefix="/a", query={"a": Exact("1")}), route("some"))
    assert lines([], [takes_all, refuses], Asked("/a//b", "a=2")) == [
        "1: GET shop.example /a/…: 404 → perhaps 400 ambiguous_path, else all"
    ]


def test_a_route_that_goes_elsewhere_under_its_name_is_told() -> None:
    before = [(ORDERS, route("orders", "order_service"))]
    assert lines(before, [(ORDERS, route("orders", "new_service"))], Asked("/orders/1")) == [
        "1: GET shop.example /orders/{…}: orders (order_service) → orders (new_service)"
    ]
    answers = Route("orders", "", "", RoutePolicy(), answer=Respond(204))
    assert lines(before, [(ORDERS, answers)], Asked("/orders/1")) == [
        "1: GET shop.example /orders/{…}: orders (order_service) → orders (answer 204)"
    ]


def test_addresses_that_a_route_begins_to_refuse_or_to_admit_are_told() -> None:
    anybody, some = [(ORDERS, route("orders"))], [(ORDERS, route("orders", policy=INSIDE))]
    place = "1: GET shop.example /orders/{…}: "
    assert lines(anybody, some, Asked("/orders/1")) == [f"{place}orders → orders or 403"]
    assert lines(some, anybody, Asked("/orders/1")) == [f"{place}orders or 403 → orders"]
    assert lines(some, some, Asked("/orders/1")) == []


def test_a_preflight_may_ask_for_any_method() -> None:
    asks = ((b"Origin", b"https://a"), (b"Access-Control-Request-Method", b"PUT"))
    before = [(ORDERS, route("orders"))]
    puts = (Match(path="/orders/{id}", methods=frozenset(["PUT"])), route("puts"))
    assert lines(before, [puts, *before], Asked("/orders/1", fields=asks, method="OPTIONS")) == [
        "1: OPTIONS shop.example /orders/{…}: orders → perhaps puts, else orders"
    ]


def test_a_discovered_route_is_told_as_any_other() -> None:
    everything = [(Match(prefix="/"), route("all"))]
    asked = Asked("/api/order/x")
    # It comes before a shorter prefix, and not before its own.
    assert lines([], everything, asked) == []
    own = [(Match(prefix="/api/order"), route("own"))]
    assert lines(everything, own, asked) == ["1: GET shop.example /api/order/…: /api/order → own"]


def test_requests_that_went_by_a_table_before_are_compared_by_both() -> None:
    recent = RecentRequests(1)
    first = table((ORDERS, route("earlier")), recent=recent)
    first.find(Asked("/orders/1"), Registered, "GET")
    now, then = table((ORDERS, route("orders"))), table((ORDERS, route("gold")))
    assert at_once(moved(recent, Routed(now, Registered()), Routed(now, Registered()))) == []
    (one,) = at_once(moved(recent, Routed(now, Registered()), Routed(then, Registered())))
    assert (one.before, one.after, one.is_certain) == ("orders", "gold", True)


VALUES = st.sampled_from([Exact("1"), Exact("2"), Present()])
MATCHES = st.builds(
    Match,
    host=st.sampled_from([None, "shop.example", "*.example"]),
    prefix=st.sampled_from([None, "/a", "/a/b"]),
    methods=st.sampled_from([None, frozenset(["GET"]), frozenset(["PUT", "GET"])]),
    headers=st.dictionaries(st.sampled_from(["x-a", "x-b"]), VALUES),
    query=st.dictionaries(st.sampled_from(["a", "b"]), VALUES),
    as_is=st.booleans(),
)
TABLES = st.lists(MATCHES, max_size=5, unique_by=lambda match: match.identity)
FIELDS = st.dictionaries(st.sampled_from([b"X-A", b"x-b"]), st.sampled_from([b"1", b"2", b"3"]))
REQUESTS = st.builds(
    Asked,
    path=st.sampled_from(["/", "/a", "/a/b", "/a//b", "/a/b%2Fc", "/c", "/api/order/x"]),
    query=st.sampled_from(["", "a=1", "a=2&b=1", "b", "b=3", "a="]),
    fields=FIELDS.map(lambda fields: tuple(fields.items())),
    method=st.sampled_from(["GET", "PUT", "POST"]),
)


def named(matches: Sequence[Match]) -> list[tuple[Match, Route]]:
    """Routes with names by what they match, so that the same one has one name in both tables."""
    return [(match, route(f"r{hash(match.identity)}{match.as_is}")) for match in matches]


def place(asked: Asked, by: ConfiguredTable) -> str:
    found = by.find(asked, Registered, asked.method)
    if found.route is not None:
        return found.route.id
    return "400 ambiguous_path" if found.ambiguity else "the page" if asked.path == "/" else "404"


@given(TABLES, TABLES, REQUESTS, st.sampled_from(["/api", None]))
def test_no_request_that_goes_elsewhere_is_missed_and_what_is_certain_is_right(
    matches: list[Match], others: list[Match], asked: Asked, prefix: str | None
) -> None:
    recent = RecentRequests(1)
    before = table(*named(matches), recent=recent)
    after = table(*named(others), prefix=prefix)
    went, goes = place(asked, before), place(asked, after)
    said = at_once(moved(recent, Routed(before, Registered()), Routed(after, Registered())))
    if went != goes:
        assert said
    for one in said:
        assert went in one.before
        assert goes in one.after
        if one.is_certain:
            assert (one.before, one.after) == (went, goes)
    assert at_once(moved(recent, Routed(before, Registered()), Routed(before, Registered()))) == []


def test_a_service_that_only_the_new_file_has_is_discovered_by_its_table() -> None:
    """Its addresses are in no registry, and so `diff` said that nothing went there."""

    class AlsoNew(Registered):
        def is_in_force(self, service: str) -> bool:
            return service == "new_service" or super().is_in_force(service)

    recent = RecentRequests(100)
    in_force = table(recent=recent)
    in_force.find(Asked("/api/new/1"), Registered, "GET")
    before, after = Routed(in_force, Registered()), Routed(table(), AlsoNew())
    (one,) = at_once(moved(recent, before, after))
    assert (one.before, one.after) == ("404", "/api/new")
