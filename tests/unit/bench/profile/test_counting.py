"""Bytecodes are counted by function of the gateway, and the same ones each time."""

import ipaddress

from bench.profile.counting import COUNTED, SELDOM, Counting
from middlewares.clients.deciding import limit_key

OFTEN = COUNTED // SELDOM + 1


def counted(times: int) -> dict[str, float]:
    counting = Counting()
    limit_key("2001:db8::1")  # the library remembers the netmask
    with counting:
        for _ in range(times):
            limit_key("2001:db8::1")
    return {stack[0][1]: steps for steps, stack in counting.per_request()}


def test_a_count_repeats_exactly() -> None:
    assert counted(OFTEN) == counted(OFTEN)


def test_a_library_works_for_the_function_that_called_it() -> None:
    steps = counted(OFTEN)

    assert not [name for name in steps if name.startswith(("IPv6", "_"))]
    assert sum(steps.values()) * COUNTED / OFTEN > 50  # the library's own are among them


def test_what_runs_seldom_is_left_out() -> None:
    assert not counted(2)


def test_what_only_the_measurement_calls_is_its_own() -> None:
    counting = Counting()
    with counting:
        for _ in range(OFTEN):
            ipaddress.ip_address("127.0.0.1")

    assert {stack[0][0] for _, stack in counting.per_request()} == {ipaddress.__file__}
