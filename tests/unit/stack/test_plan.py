"""What runs where, for an offset and a scale."""

from collections.abc import Mapping

import pytest

from gateway.stack.failures import UsageError
from gateway.stack.plan import (
    EXTRA_PORTS_FROM,
    ProcessSpec,
    parse_offset,
    parse_scale,
    plan_processes,
    route_of,
)


def planned(
    offset: int = 0,
    scale: Mapping[str, int] | None = None,
    environ: Mapping[str, str] | None = None,
    keep: tuple[ProcessSpec, ...] = (),
    taken: frozenset[int] = frozenset(),
) -> dict[str, ProcessSpec]:
    processes = plan_processes(
        keep,
        python="python",
        offset=offset,
        scale=scale or {},
        environ=environ or {},
        is_free=lambda port: port not in taken,
    )
    return {process.name: process for process in processes}


def test_without_an_offset_everything_has_the_port_of_the_contract() -> None:
    ports = {name: process.port for name, process in planned().items()}
    assert ports["api_gateway"] == 8080
    assert ports["market_data_service"] == 8000
    assert ports["price_service"] == 8002


def test_an_offset_is_added_to_every_port_and_told_to_the_process() -> None:
    processes = planned(offset=20000)
    assert processes["api_gateway"].environment == {"GATEWAY_PORT": "28080"}
    assert processes["price_service"].environment == {"SERVICE_PORT": "28002"}
    assert processes["price_service"].port == 28002


def test_the_commands_are_those_of_the_contract() -> None:
    processes = planned()
    assert processes["api_gateway"].command == ("python", "-m", "gateway")
    assert processes["price_service"].command == ("python", "-m", "services", "price_service")


def test_a_gateway_port_of_the_users_own_is_kept_to_and_moved_by_the_offset() -> None:
    environ = {"GATEWAY_PORT": "9090"}
    assert planned(environ=environ)["api_gateway"].port == 9090
    assert planned(offset=100, environ=environ)["api_gateway"].port == 9190


@pytest.mark.parametrize("text", ["http", "-1", "0", "65536"])
def test_a_bad_gateway_port_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=f"GATEWAY_PORT='{text}'"):
        planned(environ={"GATEWAY_PORT": text})


def test_extra_instances_take_free_ports_clear_of_the_others() -> None:
    taken = frozenset({EXTRA_PORTS_FROM})
    processes = planned(scale={"price_service": 3}, taken=taken)
    assert processes["price_service-2"].port == EXTRA_PORTS_FROM + 1
    assert processes["price_service-3"].port == EXTRA_PORTS_FROM + 2
    assert {processes[name].service for name in ("price_service-2", "price_service-3")} == {
        "price_service"
    }


def test_what_runs_keeps_its_port_and_stays_when_the_scale_is_lower() -> None:
    before = planned(scale={"price_service": 2})
    after = planned(scale={"price_service": 3}, keep=tuple(before.values()))
    assert after["price_service-2"] == before["price_service-2"]
    assert after["price_service-3"].port == before["price_service-2"].port + 1
    assert planned(keep=tuple(after.values())) == after


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "", "57456", "99999999"])
def test_a_bad_port_offset_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"^PORT_OFFSET=.*0 to 57455"):
        parse_offset(text)


def test_the_highest_offset_still_has_a_port_for_all() -> None:
    assert planned(offset=parse_offset("57455"))["api_gateway"].port == 65535


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


def test_a_route_is_the_services_name_without_its_ending() -> None:
    assert route_of("market_data_service") == "/api/market_data"
    assert route_of("billing") == "/api/billing"
