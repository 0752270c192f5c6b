"""The table of addresses: they answer, and each fits on a terminal of 80 columns."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.cli.stack_table import print_table
from gateway.stack.plan import (
    EXAMPLE_PATHS,
    GATEWAY,
    SERVICE_PORTS,
    ProcessSpec,
    parse_offset,
)
from gateway.stack.running.places import places
from gateway.stack.running.ps import ProcessRow
from gateway.stack.state import StackRecord
from services.catalogue import MODULES


def process(
    service: str, port: int, environment: Mapping[str, str] | None = None, host: str = "127.0.0.1"
) -> ProcessSpec:
    return ProcessSpec(service, service, port, (), environment or {}, host)


def found(*processes: ProcessSpec) -> dict[str, str]:
    return {place.what: place.where for place in places(processes)}


def test_the_page_comes_first_and_then_a_path_of_each_service() -> None:
    market = process("market_data_service", 8000)
    prices = (process("price_service", 8002), process("price_service", 8100))
    assert list(found(market, *prices, process(GATEWAY, 8080)).items()) == [
        (GATEWAY, "http://localhost:8080"),
        ("market_data_service", "http://localhost:8080/api/market_data/symbols"),
        ("price_service", "http://localhost:8080/api/price/prices"),
    ]


def test_of_a_service_without_those_that_it_asks_the_path_needs_none_of_them() -> None:
    """With SERVICES=price_service the table listed /api/price/prices, which answered 503."""
    others = (process("market_analyzer_service", 8001), process("notification_service", 8004))
    where = found(
        process("price_service", 8002),
        process("signal_service", 8003),
        *others,
        process(GATEWAY, 1),
    )
    paths = [address.removeprefix("http://localhost:1/api/") for address in where.values()]
    assert paths[1:] == [
        *("price/status", "signal/status", "market_analyzer/status"),
        "notification/notifications",
    ]


def test_each_service_has_a_path() -> None:
    assert EXAMPLE_PATHS.keys() == SERVICE_PORTS.keys() == MODULES.keys()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        *(("0.0.0.0", "http://localhost:1"), ("::", "http://localhost:1")),
        *(("192.0.2.7", "http://192.0.2.7:1"), ("2001:db8::1", "http://[2001:db8::1]:1")),
    ],
)
def test_the_host_is_one_that_the_gateway_is_reached_at(host: str, address: str) -> None:
    """The table said localhost, where a gateway at another address does not listen."""
    assert found(process(GATEWAY, 1, host=host)) == {GATEWAY: address}


def test_the_page_is_where_the_admin_listens() -> None:
    for listen, expected in (
        ("127.0.0.1:9090", {GATEWAY: "http://127.0.0.1:9090"}),
        ("unix:/run/lockgate", {}),
    ):
        assert found(process(GATEWAY, 1, {"ADMIN_LISTEN": listen})) == expected


def test_of_a_market_of_the_users_own_no_symbol_is_named() -> None:
    market = process("market_data_service", 8000, {"MARKET_DATA_FILE": "candles.csv"})

    where = found(market, process("market_analyzer_service", 8001), process(GATEWAY, 8080))

    assert where["market_analyzer_service"].endswith("/api/market_analyzer/status")
    assert where["market_data_service"].endswith("/api/market_data/symbols")


def test_without_a_gateway_nothing_is_found() -> None:
    assert places([process("price_service", 8002)]) == []


def test_the_table_is_80_columns_wide_at_most(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folded addresses could not be copied or clicked."""
    monkeypatch.setenv("COLUMNS", "80")
    offset = parse_offset("20000")
    processes = [process(name, port + offset) for name, port in SERVICE_PORTS.items()]
    processes += [
        process("market_analyzer_service", 28132),
        process(GATEWAY, 8080 + offset),
    ]
    rows = [
        ProcessRow(f"{one.name}-32", one.service, 4_194_304, one.port, 400_000, "unreachable")
        for one in processes
    ]
    record = StackRecord(tuple(processes), "", "found running, not ours: make down leaves it", 15)

    print_table(rows, record, title="Lockgate")

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for place in places(processes):
        assert any(line.split()[-1:] == [place.where] for line in lines)
    assert any(line.startswith("registry") and "not ours" in line for line in lines)
    assert "lockgate routes" not in lines[-1]

    file = {"GATEWAY_CONFIG": "/a.yaml"}
    with_file = replace(
        record, processes=(*processes[:-1], replace(processes[-1], environment=file))
    )
    print_table(rows, with_file, title="Lockgate")
    told = capsys.readouterr().out.splitlines()
    assert "`lockgate routes`" in told[-1]
    assert max(map(len, told)) <= 80
