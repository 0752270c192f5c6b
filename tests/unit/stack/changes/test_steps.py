"""The order of a stack's changes: a service always has an instance, and ports are never shared."""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.stack.changes.steps import Step, steps, steps_to_another_registry
from gateway.stack.plan import GATEWAY, REGISTRY, SERVICE_PORTS, ProcessSpec

SERVICES = ("price_service", "signal_service")


def spec(name: str, service: str, port: int = 1) -> ProcessSpec:
    return ProcessSpec(name, service, port, ())


def stack(price: int = 1, signal: int = 1, *, registry: bool = True) -> dict[str, ProcessSpec]:
    specs = [spec(REGISTRY, REGISTRY, 6379)] if registry else []
    for service, count in zip(SERVICES, (price, signal), strict=True):
        for number in range(1, count + 1):
            name = service if number == 1 else f"{service}-{number}"
            specs.append(spec(name, service, SERVICE_PORTS[service] + 10 * number))
    specs.append(spec(GATEWAY, GATEWAY, 8080))
    return {one.name: one for one in specs}


def make_stand_in(one: ProcessSpec) -> ProcessSpec:
    return replace(one, name=f"{one.service}-stand-in", port=one.port + 1000)


def outline(found: Iterable[Step]) -> list[tuple[list[str], list[str]]]:
    return [(list(step.stop), [one.name for one in step.start]) for step in found]


def test_a_fresh_start_waits_for_the_registry_alone() -> None:
    wanted = stack()
    assert outline(steps({}, wanted, (), make_stand_in)) == [
        ([], [REGISTRY]),
        ([], ["price_service", "signal_service", GATEWAY]),
    ]


def test_nothing_to_do_is_no_step() -> None:
    assert steps(stack(), stack(), (), make_stand_in) == []


def test_a_setting_of_the_gateway_restarts_it_alone() -> None:
    found = steps(stack(), stack(), {GATEWAY}, make_stand_in)
    assert outline(found) == [([GATEWAY], [GATEWAY])]


def test_a_single_instance_is_stood_in_for_and_the_gateway_comes_last() -> None:
    restart = {"price_service", "signal_service", GATEWAY}
    assert outline(steps(stack(), stack(), restart, make_stand_in)) == [
        ([], ["price_service-stand-in", "signal_service-stand-in"]),
        (["price_service", "signal_service"], ["price_service", "signal_service"]),
        (["price_service-stand-in", "signal_service-stand-in"], []),
        ([GATEWAY], [GATEWAY]),
    ]


def test_several_instances_take_turns_without_a_stand_in() -> None:
    names = {"price_service", "price_service-2"}
    assert outline(steps(stack(2), stack(2), names, make_stand_in)) == [
        (["price_service"], ["price_service"]),
        (["price_service-2"], ["price_service-2"]),
    ]


def test_new_instances_stand_in_and_those_that_go_do_so_too() -> None:
    assert outline(steps(stack(1), stack(2), {"price_service"}, make_stand_in)) == [
        ([], ["price_service-2"]),
        (["price_service"], ["price_service"]),
    ]
    assert outline(steps(stack(2), stack(1), {"price_service"}, make_stand_in)) == [
        (["price_service"], ["price_service"]),
        (["price_service-2"], []),
    ]


def test_to_another_registry_the_gateway_stops_first_and_the_old_registry_last() -> None:
    found = steps_to_another_registry(stack(), stack(registry=False))
    assert outline(found) == [
        ([GATEWAY], []),
        (["price_service", "signal_service"], ["price_service", "signal_service", GATEWAY]),
        ([REGISTRY], []),
    ]
    found = steps_to_another_registry(stack(registry=False), stack())
    assert outline(found)[0] == ([], [REGISTRY])


@given(
    *(st.integers(0, 3) for _ in range(4)),
    st.data(),
)
def test_whatever_changes_no_service_is_ever_without_an_instance_that_takes_requests(
    price: int, signal: int, wanted_price: int, wanted_signal: int, data: st.DataObject
) -> None:
    running, wanted = stack(price, signal), stack(wanted_price, wanted_signal)
    both = sorted((running.keys() & wanted.keys()) - {REGISTRY})
    restart = data.draw(st.sets(st.sampled_from(both)))
    kept = {
        service
        for service in SERVICES
        if all(any(one.service == service for one in each.values()) for each in (running, wanted))
    }
    anew = set()
    now = dict(running)

    for step in steps(running, wanted, restart, make_stand_in):
        for name in step.stop:
            del now[name]
        assert kept <= {one.service for one in now.values()}
        for one in step.start:
            assert one.name not in now
            assert one.port not in {other.port for other in now.values()}
            now[one.name] = one
            anew.add(one.name)

    assert now == wanted
    assert REGISTRY not in anew
    assert restart <= anew
    assert set(anew & running.keys()) == restart
