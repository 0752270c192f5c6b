"""Which service a short name means, for the gateway and the Python API alike."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from discovery.client.choosing import found
from discovery.client.last_answers import LastAnswers
from discovery.model.answers import Record, Snapshot
from discovery.model.instance import parse_registration
from discovery.model.naming import names_meant, route_of
from discovery.view.view import Event as RegistryEvent
from discovery.view.view import View, apply, taking_over
from middlewares.routing.route import Route
from tests.support.asked import TABLE, Request

NOW_MS = 1_767_225_600_000
NAMES = ["price", "price_service", "price_service_service", "pri", "price_servic", "orders"]


def record(name: str, *, lapsed: bool = False) -> Record:
    instance = parse_registration(name, "a", {"host": "localhost", "port": 1})
    return Record(instance, NOW_MS, NOW_MS + (-1 if lapsed else 1), False, "healthy")


def snapshot(states: Mapping[str, str], wanted: tuple[str, ...]) -> Snapshot:
    """The registry's answer about services that are there, have lapsed, or left lately."""
    records = tuple(
        record(name, lapsed=state == "lapsed")
        for name, state in states.items()
        if name in wanted and state != "gone"
    )
    gone = {name: NOW_MS for name, state in states.items() if state == "gone"}
    return Snapshot("e", 1, "1-1", NOW_MS, 1, records, gone, frozenset())


def gateways_view(states: Mapping[str, str]) -> View:
    """The view of a gateway that has swept lapsed instances."""
    view = at_once(taking_over(View(), snapshot(states, tuple(states)), 0.0))
    for name in (name for name, state in states.items() if state == "lapsed"):
        view = apply(view, RegistryEvent(2, "expired", f"{name}/a"), 0.0)
    return view


def route_taken(name: str, view: View) -> Route | None:
    return TABLE.find(Request(f"/api/{name}"), lambda: view, "GET").route


@given(
    st.sampled_from([*NAMES, "Price", "", "price/x"]),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["there", "lapsed", "gone"])),
)
def test_a_lookup_finds_the_service_that_the_gateway_sends_requests_to(
    name: str, states: dict[str, str]
) -> None:
    route = route_taken(name, gateways_view(states)) if "/" not in name else None

    services = {one.instance.name for one in found(name, snapshot(states, names_meant(name)))}
    assert services == {
        service
        for service, state in states.items()
        if route is not None and service == route.service and state == "there"
    }


def test_a_service_that_the_registry_has_lost_keeps_its_name_until_it_is_back() -> None:
    """After a loss of data `price` came back first and got the requests for `price_service`."""
    before = snapshot({"price": "there", "price_service": "there"}, names_meant("price"))
    after = replace(snapshot({"price": "there"}, names_meant("price")), epoch="another")
    answers = LastAnswers(15.0)
    answers.remember("price", before, 0.0)
    view = at_once(taking_over(at_once(taking_over(View(), before, 0.0)), after, 1.0))

    route = route_taken("price", view)
    records = found("price", answers.remember("price", after, 1.0))

    assert route is not None
    assert route.service == "price_service"
    assert [one.instance.name for one in records] == ["price_service"]


@pytest.mark.parametrize(
    ("service", "route"),
    [("price_service", "/api/price"), ("price", "/api/price"), ("a_service_b", "/api/a_service_b")],
)
def test_the_route_is_named_by_what_stands_before_the_suffix(service: str, route: str) -> None:
    assert route_of(service) == route
