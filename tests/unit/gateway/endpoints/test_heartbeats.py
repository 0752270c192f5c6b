"""When instances last sent a heartbeat: what the registry is asked, and how often."""

import asyncio
from collections.abc import Sequence

from discovery.model.instance import Instance, parse_registration
from gateway.endpoints.services import Heartbeats


def instance(name: str) -> Instance:
    return parse_registration(name, "a", {"host": "localhost", "port": 1})


class Registry:
    """Counts its calls; gives empty answers while it is away."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.away = False

    async def __call__(self, instances: Sequence[Instance]) -> dict[str, int]:
        self.asked.append([one.key for one in instances])
        await asyncio.sleep(0)
        return {} if self.away else {one.key: len(self.asked) for one in instances}


async def test_only_the_service_that_is_shown_is_asked_for() -> None:
    registry = Registry()
    heartbeats = Heartbeats(registry)
    assert await heartbeats("price", [instance("price")]) == {"price/a": 1}
    assert await heartbeats("orders", [instance("orders")]) == {"orders/a": 2}
    assert registry.asked == [["price/a"], ["orders/a"]]


async def test_an_answer_is_good_for_a_while() -> None:
    registry = Registry()
    heartbeats = Heartbeats(registry, fresh_for_s=60)
    for _ in range(3):
        assert await heartbeats("price", [instance("price")]) == {"price/a": 1}
    assert len(registry.asked) == 1


async def test_who_comes_while_the_registry_is_asked_waits_for_its_answer() -> None:
    """The second of two concurrent calls was told that no heartbeat had come since the registration."""
    registry = Registry()
    heartbeats = Heartbeats(registry)
    both = await asyncio.gather(*(heartbeats("price", [instance("price")]) for _ in range(2)))
    assert both == [{"price/a": 1}] * 2
    assert len(registry.asked) == 1


async def test_while_the_registry_is_away_the_last_answer_stands() -> None:
    registry = Registry()
    heartbeats = Heartbeats(registry, fresh_for_s=0)
    await heartbeats("price", [instance("price")])
    registry.away = True
    await heartbeats("orders", [instance("orders")])
    assert await heartbeats("price", [instance("price")]) == {"price/a": 1}


async def test_what_nobody_asks_for_is_forgotten() -> None:
    registry = Registry()
    heartbeats = Heartbeats(registry, kept_for_s=0)
    for number in range(10):
        name = f"price{number}"
        await heartbeats(name, [instance(name)])
    assert len(heartbeats._asked) == 0
