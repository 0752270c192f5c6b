"""Candidates are found once for each state of view and health, and few are remembered that clients choose."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from discovery.model.instance import parse_registration
from discovery.view.view import Entry, View
from middlewares.candidates import lookup
from middlewares.candidates.lookup import Lookup
from middlewares.failures import NoView
from middlewares.version_ranges import parse_range


def entry(instance_id: str, version: str) -> Entry:
    body = {"host": "localhost", "port": 8000 + int(instance_id), "version": version}
    return Entry(parse_registration("price", instance_id, body), 0, status="healthy")


class World:
    """A view of one service, and a book of health that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.view: View | None = self.seen("1.0.0", "2.0.0")
        self.health = SimpleNamespace(
            revision=0,
            status=self._status,
            is_suspected=lambda _key: False,
            is_ejected=lambda _key: False,
        )
        self.lookup = Lookup(lambda: self.view, cast("Any", self.health))

    def _status(self, _key: str) -> str:
        self.asked += 1
        return "healthy"

    def seen(self, *versions: str) -> View:
        entries = [entry(str(number), version) for number, version in enumerate(versions)]
        return View(services={"price": {one.key: one for one in entries}})

    def ids(self, *ranges: str) -> list[str]:
        found = self.lookup.look("price", tuple(map(parse_range, ranges)))
        return [one.instance.id for one in found.candidates]


def test_the_candidates_are_those_that_all_ranges_hold() -> None:
    world = World()
    assert [world.ids(), world.ids("1"), world.ids(">=1", "2"), world.ids("1", "2")] == [
        ["0", "1"],
        ["0"],
        ["1"],
        [],
    ]


def test_they_are_found_again_when_the_view_or_health_has_changed() -> None:
    world = World()
    assert (world.ids("1"), world.ids("1"), world.asked) == (["0"], ["0"], 1)
    world.health.revision += 1
    assert (world.ids("1"), world.asked) == (["0"], 2)
    world.view = world.seen("2.0.0", "1.0.0")
    assert world.ids("1") == ["1"]


def test_ranges_that_clients_choose_drive_out_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "MOST_RANGES", 3)
    world = World()
    world.ids()
    asked = world.asked
    for number in range(20):
        assert world.ids(f"<{number + 2}")
    before = world.asked
    assert world.ids() == ["0", "1"]
    assert before > asked
    assert world.asked == before


def test_without_a_view_nothing_is_known() -> None:
    world = World()
    world.view = None
    with pytest.raises(NoView):
        world.ids()
    with pytest.raises(NoView):
        world.ids("1")
