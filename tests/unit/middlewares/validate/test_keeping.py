"""When documents are fetched, and what stays of them."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from discovery.base.tasks import end
from discovery.model.instance import Instance
from discovery.view.view import Entry, Event, View
from middlewares.validate import keeping
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.keeping import Fetched, Keeper, NotFetched
from middlewares.validate.policy import Wanted
from middlewares.validate.shelf import MOST_VERSIONS, Shelf
from tests.support.eventually import eventually

ALL = Wanted(frozenset([False]))
DOCUMENT = json.dumps({"openapi": "3.1.0", "paths": {"/": {"get": {}}}}).encode()


def instance(service: str = "orders", name: str = "i1", version: str | None = None) -> Instance:
    metadata = {"openapi_url": "/openapi.json"}
    return Instance(service, name, "127.0.0.1", 9000, metadata=metadata, version=version)


def view_of(*instances: Instance) -> View:
    services: dict[str, dict[str, Entry]] = {}
    for one in instances:
        services.setdefault(one.name, {})[one.key] = Entry(one, 0)
    return View(services=services)


class World:
    """A keeper, with the view that it sees and the answers that it gets."""

    def __init__(self, *instances: Instance, wanted: Wanted | None = ALL) -> None:
        self.view = view_of(*instances)
        self.asked: list[tuple[str, str]] = []
        self.answer: Callable[[], Fetched] = lambda: Fetched(DOCUMENT, '"1"')
        self.healthy = True
        #: How often the keeper has looked whether an instance is well.
        self.looks = 0
        self.shelf = Shelf(lambda: self.view)
        self.counts = ValidationCounts()
        self.keeper = Keeper(
            self.shelf,
            self.fetch,
            lambda: self.view,
            self.counts,
            self.is_healthy,
            draw=lambda low, _high: low,
        )
        self.keeper.take({}, wanted)

    def is_healthy(self, _key: str) -> bool:
        self.looks += 1
        return self.healthy

    async def fetch(self, one: Instance, etag: str) -> Fetched:
        self.asked.append((one.key, etag))
        return self.answer()

    def register(self, *instances: Instance) -> None:
        before, self.view = self.view, view_of(*instances)
        event = Event(1, "registered", instances[-1].key, instances[-1])
        self.keeper.view_changed(before, self.view, event)

    def documents(self) -> dict[Any, int]:
        return {
            key: document.operations
            for key, kept in self.shelf.kept.items()
            for document in kept.compiled.values()
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.keeper.run())
        try:
            yield
        finally:
            await end(task)


async def test_each_version_of_a_service_has_its_document() -> None:
    world = World(instance(version="1.0.0"), instance(name="i2", version="2.0.0"))
    async with world.running():
        await eventually(lambda: len(world.documents()) == 2)
    assert world.documents() == {("orders", "1.0.0"): 1, ("orders", "2.0.0"): 1}
    assert len(world.asked) == 2


async def test_no_more_versions_than_allowed_are_asked() -> None:
    world = World(*(instance(name=f"i{n}", version=f"{n}.0.0") for n in range(9)))
    async with world.running():
        await eventually(lambda: len(world.documents()) == MOST_VERSIONS)
    assert len(world.asked) == MOST_VERSIONS


async def test_only_services_that_are_wanted_are_asked() -> None:
    world = World(instance(), instance("other"), wanted=None)
    world.keeper.take({"orders": ALL, "named": Wanted()}, None)
    async with world.running():
        await eventually(lambda: world.documents() == {("orders", None): 1})
    assert [key for key, _ in world.asked] == ["orders/i1"]


async def test_a_service_that_wants_none_does_not_fall_under_the_others() -> None:
    world = World(instance(), instance("other"))
    world.keeper.take({"orders": Wanted()}, ALL)
    async with world.running():
        await eventually(lambda: world.documents() == {("other", None): 1})


async def test_a_sick_instance_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOOK_S", 0.01)
    world = World(instance())
    world.healthy = False
    async with world.running():
        await eventually(lambda: world.looks > 3)
        assert world.asked == []
        world.healthy = True
        await eventually(lambda: len(world.documents()) == 1)


async def test_the_last_good_document_stays_and_the_next_attempt_is_later_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "AGAIN_S", 0.005)
    world = World(instance())

    def fails() -> Fetched:
        raise NotFetched("it is away")

    async with world.running():
        await eventually(lambda: len(world.documents()) == 1)
        world.answer = fails
        world.register(instance(), instance(name="i2"))
        kept = world.shelf.kept["orders", None]
        await eventually(lambda: kept.failures >= 3)
    assert world.documents() == {("orders", None): 1}
    assert kept.error == "it is away"
    assert world.counts.fetches["orders"] == kept.failures


async def test_what_has_not_changed_is_not_compiled_again() -> None:
    world = World(instance())
    async with world.running():
        await eventually(lambda: len(world.documents()) == 1)
        before = world.shelf.kept["orders", None].compiled
        for answer in (Fetched(DOCUMENT, '"2"'), Fetched(None, '"2"')):
            world.answer = lambda answer=answer: answer
            number = len(world.asked)
            world.register(instance(), instance(name=f"i{number + 1}"))
            await eventually(lambda number=number: len(world.asked) == number + 1)
    assert world.shelf.kept["orders", None].compiled is before
    assert [etag for _, etag in world.asked] == ["", '"1"', '"2"']


async def test_a_version_that_nobody_has_any_more_is_forgotten() -> None:
    world = World(instance(version="1.0.0"))
    async with world.running():
        await eventually(lambda: len(world.documents()) == 1)
        world.register(instance(name="i2", version="2.0.0"))
        await eventually(lambda: list(world.documents()) == [("orders", "2.0.0")])


async def test_a_service_that_restarts_has_its_last_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(instance(version="1.0.0"))
    async with world.running():
        await eventually(lambda: len(world.documents()) == 1)
        before, world.view = world.view, view_of()
        world.keeper.view_changed(before, world.view, None)
        await eventually(lambda: world.shelf.kept["orders", "1.0.0"].gone_s is not None)
        world.answer = lambda: Fetched(b"not yet")
        world.register(instance(version="1.0.0"))
        assert world.shelf.of("orders", (), formats=False)[0].document is not None
        await eventually(lambda: len(world.asked) == 2)
        assert len(world.documents()) == 1
        monkeypatch.setattr(keeping, "KEEP_S", 0.0)
        before, world.view = world.view, view_of()
        world.keeper.view_changed(before, world.view, None)
        await eventually(lambda: world.documents() == {})


async def test_other_wishes_of_a_file_compile_the_document_anew() -> None:
    world = World(instance())
    async with world.running():
        await eventually(lambda: len(world.documents()) == 1)
        world.keeper.take({}, Wanted(frozenset([False, True]), answers=True))
        await eventually(lambda: len(world.shelf.kept["orders", None].compiled) == 2)
        world.keeper.take({}, None)
        assert world.shelf.kept == {}
    assert [etag for _, etag in world.asked] == ["", ""]


async def test_a_document_that_breaks_the_reader_leaves_the_others_alone() -> None:
    world = World(instance(), instance("other"))
    bad = b'{"openapi": "3.1.0", "paths": {"/": {"get": {"parameters": [{"in": ["x"]}]}}, "/b": 3}}'
    world.answer = lambda: Fetched(bad)
    async with world.running():
        await eventually(lambda: len(world.documents()) == 2)
    assert set(world.documents().values()) == {0}


async def test_an_unexpected_failure_leaves_the_others_alone() -> None:
    world = World(instance(), instance("other"))
    answers = [Fetched(DOCUMENT)]

    def answer() -> Fetched:
        if world.asked[-1][0] == "orders/i1":
            raise RuntimeError("hunter2")
        return answers[0]

    world.answer = answer
    async with world.running():
        await eventually(lambda: world.documents() == {("other", None): 1})
        kept = world.shelf.kept["orders", None]
        await eventually(lambda: kept.error == "it can't be read")


async def test_an_instance_that_registers_while_another_one_is_asked_is_asked_too() -> None:
    world, gate = World(instance()), asyncio.Event()
    fetch = world.fetch

    async def slow(one: Instance, etag: str) -> Fetched:
        found = await fetch(one, etag)
        await gate.wait()
        return found

    world.keeper._fetch = slow
    async with world.running():
        await eventually(lambda: len(world.asked) == 1)
        world.register(instance(), instance(name="i2"))
        gate.set()
        await eventually(lambda: len(world.asked) == 2)


async def test_a_service_that_hangs_holds_up_no_other() -> None:
    world = World(instance("hangs"))
    fetch = world.fetch

    async def hangs(one: Instance, etag: str) -> Fetched:
        found = await fetch(one, etag)
        if one.name == "hangs":
            await asyncio.Event().wait()
        return found

    world.keeper._fetch = hangs
    async with world.running():
        await eventually(lambda: len(world.asked) == 1)
        world.register(instance("hangs"), instance())
        await eventually(lambda: world.documents() == {("orders", None): 1})


async def test_a_document_is_asked_for_again_after_minutes_alone() -> None:
    world = World(instance())
    due_s = world.keeper._due_s
    async with world.running():
        await eventually(lambda: math.inf > due_s.get(("orders", None), 0) > time.monotonic() + 100)
    assert len(world.asked) == 1
