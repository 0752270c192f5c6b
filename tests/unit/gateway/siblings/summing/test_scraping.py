"""What a worker tells and asks for a scrape, and in which order."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import generate_latest

from gateway.siblings.packing import packed
from gateway.siblings.siblings import Member
from gateway.siblings.summing.deciding.series import Described, Series, key_of, key_of_family
from gateway.siblings.summing.scraping import TOPIC, GatewayScrapes
from middlewares.failures import MasterAway
from tests.support.eventually import eventually

SEEN = Described("seen", "counter", "About.")


def kept(value: float) -> dict[str, float]:
    return {key_of_family(SEEN): 0, key_of("seen", Series("_total", (), value)): value}


class Desk:
    """The siblings and the master of a worker, as it sees them."""

    def __init__(self) -> None:
        self.began_at_s = 1000.0
        self.members = (Member("1", 0, 1, "ready", 0.0), Member("2", 1, 2, "stopping", 0.0))
        self.deserted = asyncio.Event()
        #: What was said, in order.
        self.events: list[str] = []
        self.given: dict[str, float] = {}
        self.answers_of: dict[str, float] = {}
        self.gone: list[str] = []
        self.departed: dict[str, float] = {}
        self.has_master = True
        self.has_room = True
        self.handler: Any = None

    def answers(self, topic: str, handler: Any) -> None:
        assert topic == TOPIC
        self.handler = handler

    def counters(self, counters: dict[str, float]) -> bool:
        self.events.append("counters")
        if self.has_room:
            self.given |= counters
        return self.has_room

    async def ask(self, topic: str, body: Any = None, within_s: float = 0) -> dict[str, Any]:
        self.events.append("ask")
        await asyncio.sleep(0)
        return {
            id_: await packed([[*SEEN, [["_total", [], value]]]])
            for id_, value in self.answers_of.items()
        }

    async def ask_master(self, topic: str, body: Any, within_s: float = 0) -> Any:
        self.events.append("departed")
        return {"counters": self.departed, "gone": self.gone} if self.has_master else None


@pytest.fixture
def counted() -> Counter:
    return Counter("seen", "About.", registry=CollectorRegistry())


@pytest.fixture
def registry(counted: Counter) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(counted)
    return registry


async def seen(scrapes: GatewayScrapes) -> float:
    lines = (await scrapes.text(generate_latest)).decode().splitlines()
    (value,) = (float(line.split()[1]) for line in lines if line.startswith("seen_total "))
    return value


async def test_the_master_has_the_counters_before_it_is_asked(
    counted: Counter, registry: CollectorRegistry
) -> None:
    desk = Desk()
    scrapes = GatewayScrapes(desk, registry)
    counted.inc(3)

    assert await seen(scrapes) == 3
    assert desk.events[-1] == "departed"
    assert desk.given == kept(3)


async def test_the_master_has_the_counters_before_a_sibling_is_answered(
    counted: Counter, registry: CollectorRegistry
) -> None:
    desk = Desk()
    GatewayScrapes(desk, registry)
    counted.inc(2)

    assert await desk.handler(None)
    assert desk.given == kept(2)


async def test_only_what_has_changed_is_given(
    counted: Counter, registry: CollectorRegistry
) -> None:
    desk = Desk()
    scrapes = GatewayScrapes(desk, registry)
    counted.inc()
    await seen(scrapes)
    desk.given, desk.events = {}, []

    await seen(scrapes)
    assert "counters" not in desk.events
    counted.inc()
    await scrapes.last()
    assert desk.given == {key_of("seen", Series("_total", (), 0)): 2}


async def test_what_the_master_did_not_take_is_given_again(
    counted: Counter, registry: CollectorRegistry
) -> None:
    desk = Desk()
    GatewayScrapes(desk, registry)
    counted.inc(3)
    desk.has_room = False
    await desk.handler(None)
    assert not desk.given
    desk.has_room = True
    await desk.handler(None)
    assert desk.given == kept(3)


async def test_all_are_added_and_the_answer_of_one_that_has_ended_meanwhile_is_left_out(
    counted: Counter, registry: CollectorRegistry
) -> None:
    desk = Desk()
    desk.answers_of, desk.gone, desk.departed = {"2": 10, "3": 100}, ["3"], kept(1000)
    counted.inc()

    assert await seen(GatewayScrapes(desk, registry)) == 1011


async def test_workers_are_counted_by_state(counted: Counter, registry: CollectorRegistry) -> None:
    text = await GatewayScrapes(Desk(), registry).text(generate_latest)

    assert b'gateway_workers{state="ready"} 1.0\ngateway_workers{state="stopping"} 1.0' in text


async def test_without_the_master_nobody_knows_the_sum(
    counted: Counter, registry: CollectorRegistry
) -> None:
    desk = Desk()
    desk.has_master = False

    with pytest.raises(MasterAway, match="master"):
        await seen(GatewayScrapes(desk, registry))


async def test_scrapes_that_come_meanwhile_share_the_next_one(
    counted: Counter, registry: CollectorRegistry
) -> None:
    desk = Desk()
    scrapes = GatewayScrapes(desk, registry)
    first = asyncio.create_task(seen(scrapes))
    await eventually(lambda: "ask" in desk.events)
    counted.inc()

    later = await asyncio.gather(*(seen(scrapes) for _ in range(5)))

    assert later == [1] * 5
    assert await first <= 1
    assert desk.events.count("ask") == 2
