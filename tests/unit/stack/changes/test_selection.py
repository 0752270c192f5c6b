"""Which services a stack has and how many of each, by SCALE, SERVICES and what runs."""

from collections.abc import Mapping

import pytest

from gateway.stack.changes.selection import (
    chosen_processes,
    missing_dependencies,
    parse_scale,
    parse_selection,
    parse_services,
)
from gateway.stack.failures import UsageError
from gateway.stack.plan import DEPENDENCIES, GATEWAY, SERVICE_PORTS, ProcessSpec, stand_in_for
from services.market_analyzer.market import MARKET_DATA as ANALYZERS_SOURCE
from services.price.market import MARKET_DATA as PRICES_SOURCE
from services.signal.notifier import NOTIFICATION
from services.signal.sources import ANALYZER, PRICE

ALL = dict.fromkeys(SERVICE_PORTS, 1)


def running(counts: Mapping[str, int]) -> list[ProcessSpec]:
    names = [
        (service if number == 1 else f"{service}-{number}", service)
        for service, count in counts.items()
        for number in range(1, count + 1)
    ]
    return [ProcessSpec(name, service, 1, ()) for name, service in [*names, (GATEWAY, GATEWAY)]]


@pytest.mark.parametrize(
    ("scale", "services", "runs", "counts"),
    [
        ("", "", None, ALL),
        ("price_service=3", "", None, ALL | {"price_service": 3}),
        ("", "none", None, {}),
        ("", "price", None, {"price_service": 1}),
        ("price_service=2", "price_service", None, {"price_service": 2}),
        # In a running stack, services that are not named stay.
        ("", "", {}, {}),
        ("", "", {"price_service": 3}, {"price_service": 3}),
        ("price_service=1", "", {"price_service": 3}, {"price_service": 1}),
        ("signal_service=2", "", {"price_service": 3}, {"price_service": 3, "signal_service": 2}),
        ("", "all", {"price_service": 3}, ALL | {"price_service": 3}),
        ("", "none", {"price_service": 3}, {}),
        ("", "price,signal", {"price_service": 3}, {"price_service": 3, "signal_service": 1}),
    ],
)
def test_what_is_asked_for_counts_and_else_what_runs(
    scale: str, services: str, runs: Mapping[str, int] | None, counts: Mapping[str, int]
) -> None:
    selection = parse_selection(scale, services)
    assert selection.counts(None if runs is None else running(runs)) == counts


def test_what_stands_in_for_an_instance_is_none_of_them() -> None:
    """After a `make up` that was killed halfway, the next one found two instances instead of one."""
    price = ProcessSpec("price_service", "price_service", 1, ())
    stack = [price, stand_in_for(price, (), offset=0, is_free=lambda _: True)]
    assert parse_selection("", "").counts(stack) == {"price_service": 1}


def test_a_restart_keeps_what_ran() -> None:
    selection = parse_selection("", "").over(running({"price_service": 3}))
    assert selection.counts(None) == {"price_service": 3}
    assert parse_selection("", "").over(running({})).counts(None) == {}


def test_services_are_named_with_or_without_their_ending() -> None:
    assert parse_services("price market_data_service") == frozenset(
        {"price_service", "market_data_service"}
    )
    assert parse_services("all") == frozenset(SERVICE_PORTS)
    assert parse_services(" ") is None


@pytest.mark.parametrize("text", ["prices", "none price", "api_gateway"])
def test_a_service_that_there_is_not_is_named_with_those_that_there_are(text: str) -> None:
    with pytest.raises(UsageError, match=r"^SERVICES='.*no service.*price_service.*or none$"):
        parse_services(text)


def test_a_scale_of_what_services_leaves_out_is_refused() -> None:
    with pytest.raises(UsageError, match="SCALE names price_service, which SERVICES leaves out"):
        parse_selection("price_service=2", "signal")


def test_what_a_service_asks_and_will_not_find_is_told() -> None:
    assert missing_dependencies(SERVICE_PORTS) == {}
    assert missing_dependencies([]) == {}
    assert missing_dependencies(["price_service", "notification_service"]) == {
        "price_service": ["market_data_service"]
    }


def test_the_dependencies_are_those_that_the_services_ask() -> None:
    assert DEPENDENCIES == {
        "market_analyzer_service": (ANALYZERS_SOURCE,),
        "price_service": (PRICES_SOURCE,),
        "signal_service": (PRICE, ANALYZER, NOTIFICATION),
    }


def test_a_service_stands_for_all_of_its_instances() -> None:
    stack = running({"price_service": 2, "signal_service": 1})
    assert chosen_processes(stack, ["price_service"]) == {"price_service", "price_service-2"}
    assert chosen_processes(stack, ["price_service-2", GATEWAY]) == {"price_service-2", GATEWAY}


def test_the_name_in_a_route_stands_for_its_service_as_in_other_commands() -> None:
    assert chosen_processes(running({"price_service": 1}), ["price"]) == {"price_service"}


def test_a_name_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"'gateway' in this stack; there are api_gateway, price"):
        chosen_processes(running({"price_service": 1}), ["gateway"])


@pytest.mark.parametrize(
    "text", ["price_service=3 market_data_service=2", " price_service=3,market_data_service=2 "]
)
def test_a_scale_names_services_and_counts(text: str) -> None:
    assert parse_scale(text) == {"price_service": 3, "market_data_service": 2}


def test_no_scale_is_none() -> None:
    assert parse_scale("") == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prices=2", "'prices'"),
        ("price_service", "price_service=''"),
        ("price_service=two", "price_service='two'"),
        ("price_service=0", "price_service='0'"),
        ("price_service=-1", "price_service='-1'"),
        ("price_service=²", "price_service='²'"),
        ("price_service=1000", "1 to 32"),
        ("api_gateway=2", "'api_gateway'"),
    ],
)
def test_a_bad_scale_is_named_in_one_line(text: str, named: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_scale(text)
    assert named in str(told.value)
    assert "\n" not in str(told.value)
