"""What `lockgate register` tells about the ports that its program has opened."""

import pytest

from gateway.cli.program_ports import told_of_another_port, told_of_open_to_everybody
from gateway.machine.open_ports import OpenPort

LOCALHOST = ("127.0.0.1",)


def opened(address: str, port: int, program: str = "python3") -> OpenPort:
    return OpenPort(program, 7, address, port)


def test_the_port_that_it_listens_on_is_named() -> None:
    assert told_of_another_port(9000, [opened("127.0.0.1", 9001)], LOCALHOST) == (
        "nothing listens on port 9000 yet; python3 (pid 7) listens on 127.0.0.1:9001: if that is it, "
        "give --port 9001"
    )


def test_of_several_ports_it_may_be_any() -> None:
    told = told_of_another_port(
        9000, [opened("127.0.0.1", 9229, "node"), opened("::", 3000, "node")], LOCALHOST
    )
    assert "node (pid 7) listens on 127.0.0.1:9229 and node (pid 7) listens on [::]:3000" in told
    assert told.endswith("give --port 9229 or 3000")


def test_the_right_port_at_an_address_that_localhost_is_not() -> None:
    assert told_of_another_port(9000, [opened("::1", 9000)], LOCALHOST) == (
        "python3 (pid 7) listens on [::1]:9000 alone, and localhost is 127.0.0.1 here: "
        "give --host ::1, or let it listen on 127.0.0.1"
    )


@pytest.mark.parametrize("some", [[], [opened("0.0.0.0", 9000)]])
def test_where_nothing_else_is_open_nothing_is_made_up(some: list[OpenPort]) -> None:
    assert told_of_another_port(9000, some, LOCALHOST) == ""


@pytest.mark.parametrize(
    ("host", "address", "port", "is_told"),
    [
        ("localhost", "0.0.0.0", 9000, True),
        ("127.0.0.1", "::", 9000, True),
        ("localhost", "127.0.0.1", 9000, False),
        ("localhost", "0.0.0.0", 9229, False),
        ("shop", "0.0.0.0", 9000, False),  # in a container, for example, where others connect
        ("10.0.0.7", "0.0.0.0", 9000, False),
    ],
)
def test_a_program_that_everybody_reaches_is_told_where_the_gateway_alone_was_meant(
    host: str, address: str, port: int, is_told: bool
) -> None:
    told = told_of_open_to_everybody(9000, host, [opened(address, port)])
    assert bool(told) is is_told
    if is_told:
        assert told.endswith("others reach it without the gateway; bind it to 127.0.0.1")
