"""What a worker that starts gets from a sibling."""

import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from discovery.health.book import HealthBook
from discovery.health.machine import Health, ProbeTimes, Thresholds, Verdict
from discovery.health.prober import Prober
from discovery.health.sharing import Sharing
from discovery.member import handing_on
from discovery.member.handing_on import PAGE, HandingOn, Pages
from discovery.model.instance import Instance, parse_registration
from discovery.view.view import Entry, View
from discovery.view.watcher import Watcher
from tests.support.eventually import eventually
from tests.support.worker_groups import Group


class Followed:
    """Stands in for a watcher that has a view."""

    def __init__(self, view: View | None) -> None:
        self.view, self.has_view, self.age_s = view or View(), view is not None, 3.0


def worker(
    group: Group, name: str, view: View | None, state: str = "ready"
) -> tuple[HandingOn, Prober, HealthBook]:
    async def passing(_instance: Instance, _suspected: bool) -> Verdict:
        return Verdict(True, "200")

    book, siblings = HealthBook(lambda *_: None), group.join(name, state)
    prober = Prober(
        probe=passing,
        book=book,
        thresholds=Thresholds(),
        times=ProbeTimes(interval_s=600.0),
        sharing=Sharing(siblings, lambda: True),
    )
    watcher = cast("Callable[[], Watcher]", lambda: Followed(view))
    return HandingOn(siblings, prober, watcher), prober, book


def view_of(count: int, **more: Any) -> View:
    entries = {}
    for number in range(count):
        said = {"host": "h", "port": 1 + number}
        entry = Entry(parse_registration("price", str(number), said), 5, **more)
        entries[entry.key] = entry
    return View("e", 7, {"price": entries} if entries else {}, known={"gone": time.monotonic() - 9})


async def test_a_new_worker_gets_the_view_in_pages_with_its_age() -> None:
    group, view = Group(), view_of(2 * PAGE + 3)
    worker(group, "1", view)
    new, _, _ = worker(group, "2", None, "starting")
    saved = await new.take_view()
    assert saved is not None
    assert saved.view.services.keys() == {"price"}
    assert saved.view.services["price"].keys() == view.services["price"].keys()
    assert 3.0 <= saved.age_s < 5.0
    assert saved.view.known.keys() == {"gone"}


async def test_draining_instances_are_not_handed_on() -> None:
    group = Group()
    worker(group, "1", view_of(3, draining=True))
    new, _, _ = worker(group, "2", None, "starting")
    saved = await new.take_view()
    assert saved is not None
    assert not saved.view.services


async def test_an_empty_view_is_one() -> None:
    group = Group()
    worker(group, "1", View())
    new, _, _ = worker(group, "2", None, "starting")
    assert await new.take_view() is not None


async def test_siblings_that_have_none_hang_or_start_are_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing_on, "PAGE_WITHIN_S", 0.01)
    group = Group()
    worker(group, "1", None)
    worker(group, "2", view_of(1))
    group.hanging.add("2")
    worker(group, "3", view_of(2), "starting")
    new, _, _ = worker(group, "5", None, "starting")
    assert await new.take_view() is None
    worker(group, "4", view_of(4))
    saved = await new.take_view()
    assert saved is not None
    assert len(saved.view.services["price"]) == 4


async def test_a_new_worker_knows_the_health_before_it_has_the_view() -> None:
    group, view = Group(), view_of(PAGE + 20)
    _, prober, book = worker(group, "1", view)
    prober.view_changed(View(), view, None)
    await eventually(lambda: all(book.status(entry.key) == "healthy" for entry in view.entries()))
    new, late, known = worker(group, "2", None, "starting")
    await new.take_healths()
    late.view_changed(View(), view, None)
    assert all(known.status(entry.key) == "healthy" for entry in view.entries())
    assert known.health("price/0").evidence == "200"
    await prober.close()
    await late.close()


async def test_alone_it_asks_nobody() -> None:
    new, _, book = worker(Group(), "1", None)
    await new.take_healths()
    assert await new.take_view() is None
    assert book.worth_telling() == {}


async def test_lists_that_nobody_fetches_to_the_end_do_not_pile_up() -> None:
    pages = Pages()

    def make() -> Any:
        yield
        return list(range(PAGE + 1))

    for number in range(100):
        said = await pages.page({"token": str(number), "at": 0}, make)
        assert (len(said["items"]), said["next"]) == (PAGE, PAGE)
    assert (await pages.page({"token": "0", "at": PAGE}, make))["items"] is None
    assert (await pages.page({"token": "99", "at": PAGE}, make))["items"] == [PAGE]
    assert (await pages.page({"token": "99", "at": PAGE}, make))["items"] is None


def test_health_goes_over_whole() -> None:
    health = Health("healthy", 1, "why", True, True, "latest")
    assert handing_on.health_of(handing_on.told(health)) == health


@pytest.mark.parametrize(
    "items", [[["k", "d", "healthy", 0, "more", "than", "this", 1, 2]], [3], 7]
)
async def test_a_sibling_of_another_release_that_says_it_otherwise_ends_nothing(items: Any) -> None:
    group = Group()
    other, new = group.join("1"), worker(group, "2", None, "starting")[0]

    async def answer(_asked: Any) -> Any:
        return {"items": items, "next": None}

    other.answers(handing_on.HEALTHS, answer)
    other.answers(handing_on.VIEW, answer)
    await new.take_healths()
    assert await new.take_view() is None
