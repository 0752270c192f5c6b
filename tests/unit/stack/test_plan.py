"""Which process runs at which port, for an offset and a scale."""

from collections.abc import Mapping

import pytest

from gateway.stack.changes.variables import settings_for
from gateway.stack.failures import UsageError
from gateway.stack.plan import (
    EXTRA_PORTS_FROM,
    SERVICE_PORTS,
    ProcessSpec,
    parse_offset,
    plan_processes,
    stand_in_for,
)


def planned(
    offset: int = 0,
    counts: Mapping[str, int] | None = None,
    environ: Mapping[str, str] | None = None,
    running: tuple[ProcessSpec, ...] = (),
    taken: frozenset[int] = frozenset(),
) -> dict[str, ProcessSpec]:
    processes = plan_processes(
        running,
        environ or {},
        python="python",
        offset=offset,
        counts=dict.fromkeys(SERVICE_PORTS, 1) | dict(counts or {}),
        settings_for=settings_for,
        code_of=lambda service: f"1.0.0 {service}",
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
    assert processes["api_gateway"].command == ("python", "-P", "-m", "lockgate.gateway")
    assert processes["price_service"].command == (
        "python",
        "-P",
        "-m",
        "lockgate.services",
        "price_service",
    )


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
    processes = planned(counts={"price_service": 3}, taken=taken)
    assert processes["price_service-2"].port == EXTRA_PORTS_FROM + 1
    assert processes["price_service-3"].port == EXTRA_PORTS_FROM + 2
    assert {processes[name].service for name in ("price_service-2", "price_service-3")} == {
        "price_service"
    }


def test_an_instance_that_runs_keeps_its_port() -> None:
    before = planned(counts={"price_service": 2}, taken=frozenset({EXTRA_PORTS_FROM}))
    after = planned(counts={"price_service": 3}, running=tuple(before.values()))
    assert after["price_service-2"] == before["price_service-2"]
    assert after["price_service-3"].port == EXTRA_PORTS_FROM
    assert planned(running=tuple(after.values())).keys() == planned().keys()


def test_a_service_that_is_not_counted_is_not_run() -> None:
    none = dict.fromkeys(SERVICE_PORTS, 0)
    assert list(planned(counts=none)) == ["api_gateway"]
    assert list(planned(counts={**none, "price_service": 1})) == ["price_service", "api_gateway"]


def test_each_process_has_the_settings_that_it_reads_and_its_code() -> None:
    environ = {"RATE_LIMIT_REQUESTS": "0", "LOG_LEVEL": "debug", "SERVICE_PORT": "1"}
    processes = planned(environ=environ)
    assert processes["api_gateway"].environment == {
        "RATE_LIMIT_REQUESTS": "0",
        "LOG_LEVEL": "debug",
        "GATEWAY_PORT": "8080",
    }
    assert processes["price_service"].environment == {
        "LOG_LEVEL": "debug",
        "SERVICE_PORT": "8002",
    }
    assert processes["price_service"].code == "1.0.0 price_service"


def test_a_stand_in_is_the_same_service_on_another_port() -> None:
    price = planned(environ={"LOG_LEVEL": "debug"})["price_service"]
    stand_in = stand_in_for(
        price, {EXTRA_PORTS_FROM}, offset=0, is_free=lambda port: port != EXTRA_PORTS_FROM + 1
    )
    assert (stand_in.name, stand_in.service) == ("price_service-stand-in", "price_service")
    assert stand_in.port == EXTRA_PORTS_FROM + 2
    assert stand_in.environment == {"LOG_LEVEL": "debug", "SERVICE_PORT": str(stand_in.port)}
    assert (stand_in.command, stand_in.code) == (price.command, price.code)


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "", "57456", "99999999"])
def test_a_bad_port_offset_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"^PORT_OFFSET=.*0 to 57455"):
        parse_offset(text)


def test_the_highest_offset_still_has_a_port_for_all() -> None:
    assert planned(offset=parse_offset("57455"))["api_gateway"].port == 65535
