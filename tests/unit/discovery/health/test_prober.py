"""The prober: what it learns about probation from views, and what that costs."""

import asyncio
import time
from dataclasses import replace

from discovery.health.book import HealthBook
from discovery.health.machine import ProbeTimes, Thresholds, Verdict, step
from discovery.health.prober import Prober
from discovery.model.fixed import FixedHealth, fixed_instance
from discovery.model.instance import Instance, parse_registration
from discovery.view.view import Entry, Event, View
from tests.support.eventually import eventually


def entry(port: int) -> Entry:
    return Entry(parse_registration("price", "a", {"host": "localhost", "port": port}), 0)


async def passing(_instance: Instance, _suspected: bool) -> Verdict:
    return Verdict(True, "200")


async def test_probation_that_is_over_does_not_come_back_with_the_next_tidying_of_the_view() -> (
    None
):
    """The view still has the last snapshot's probation, though the instance has passed since."""
    book = HealthBook(lambda *_: None)
    prober = Prober(
        probe=passing, book=book, thresholds=Thresholds(), times=ProbeTimes(eager_interval_s=0.001)
    )
    view = View("e", 1, {"price": {"price/a": entry(1)}}, probation=frozenset(["price/a"]))
    prober.view_changed(View(), view, None)
    assert book.health("price/a").probation
    await eventually(lambda: book.status("price/a") == "healthy")

    tidied = replace(view, known={"stock": 1.0})
    prober.view_changed(view, tidied, None)
    moved = replace(tidied, services={"price": {"price/a": entry(2)}})
    prober.view_changed(tidied, moved, Event(2, "registered", "price/a"))
    assert not book.health("price/a").probation
    await prober.close()


def test_thousands_on_probation_are_written_down_in_no_time() -> None:
    """Each instance was compared with all others: ten thousand stopped the gateway for seconds."""
    book = HealthBook(lambda *_: None)
    began_s = time.thread_time()
    for number in range(20_000):
        book.removed_for_ill_health(f"price/{number}", 0.0)
    assert time.thread_time() - began_s < 1


async def test_what_is_newly_wrong_with_an_instance_that_is_not_well_is_told_once() -> None:
    """The state does not change, so nobody was told that the port is right now but the path wrong."""
    told: list[str] = []
    book = HealthBook(lambda *_: None, lambda _, health: told.append(health.told))
    one, thresholds = entry(1).instance, Thresholds(fall=1, rise=2)
    for passed, seen in (
        *((False, "refused"), (False, "refused"), (False, "404"), (False, "404")),
        *((True, "200"), (False, "404"), (True, "200"), (True, "200")),
    ):
        book.note(one, step(book.health(one.key), Verdict(passed, seen), thresholds))
    assert told == ["404", "404"]  # reported again after a pass
    assert book.status(one.key) == "healthy"


async def test_on_probation_what_is_wrong_is_told_though_the_state_stays_starting() -> None:
    told: list[tuple[str, str]] = []
    book = HealthBook(lambda *_: None, lambda _, one: told.append((one.status, one.told)))
    one = entry(1).instance
    book.removed_for_ill_health(one.key, 0.0)
    book.begin(one)
    for passed, seen in ((True, "200"), (False, "404"), (False, "404")):
        book.note(one, step(book.health(one.key), Verdict(passed, seen), Thresholds()))
    assert told == [("starting", "404")]


async def test_an_unhealthy_instance_that_registers_again_is_probed_at_once_and_often() -> None:
    """After a crash it may be a new process, so its probe does not wait for the interval."""
    passes = False

    async def probe(_instance: Instance, _suspected: bool) -> Verdict:
        return Verdict(passes, "200" if passes else "connect failed: refused")

    book = HealthBook(lambda *_: None)
    times = ProbeTimes(interval_s=60.0, eager_interval_s=0.001, eager_for_s=0.1)
    prober = Prober(probe=probe, book=book, thresholds=Thresholds(), times=times)
    before = View("e", 1, {"price": {"price/a": entry(1)}})
    prober.view_changed(View(), before, None)
    await eventually(lambda: book.status("price/a") == "unhealthy")
    began_s = time.monotonic()
    await eventually(lambda: time.monotonic() - began_s > times.eager_for_s)

    passes = True
    again = replace(before, services={"price": {"price/a": replace(entry(1), registered_at_ms=1)}})
    prober.view_changed(before, again, Event(2, "registered", "price/a"))

    await eventually(lambda: book.status("price/a") == "healthy")
    await prober.close()


async def test_an_instance_that_moves_keeps_its_health_and_is_probed_under_its_new_name() -> None:
    probed: list[str] = []

    async def probe(instance: Instance, _suspected: bool) -> Verdict:
        probed.append(instance.key)
        return Verdict(True, "200")

    changes: list[str] = []
    book = HealthBook(lambda instance, *_: changes.append(instance.key))
    times = ProbeTimes(interval_s=0.001)
    prober = Prober(probe=probe, book=book, thresholds=Thresholds(), times=times)
    old, new = fixed_instance("legacy", "http://a:1"), fixed_instance("orders", "http://a:1")
    before = View(services={"legacy": {old.key: Entry(old, 5)}})
    after = View(services={"orders": {new.key: Entry(new, 5)}})
    prober.view_changed(View(), before, None)
    await eventually(lambda: book.status(old.key) == "healthy")
    revision, history = book.revision, book.history(old.key)

    prober.instance_moved(old.key, new)
    prober.view_changed(before, after, None)

    assert (book.status(new.key), book.history(new.key)) == ("healthy", history)
    assert book.revision > revision, "what was found for the service before is out of date"
    assert changes == [old.key], "it is no change of health"
    probed.clear()
    await eventually(lambda: new.key in probed)
    await prober.close()
    assert list(book.worth_telling()) == [new.key]


async def test_an_instance_that_moves_in_the_middle_of_a_probe_is_judged_under_its_new_name() -> (
    None
):
    begun, answered = asyncio.Event(), asyncio.Event()

    async def probe(_instance: Instance, _suspected: bool) -> Verdict:
        begun.set()
        await answered.wait()
        return Verdict(True, "200")

    book = HealthBook(lambda *_: None)
    prober = Prober(
        probe=probe, book=book, thresholds=Thresholds(), times=ProbeTimes(interval_s=60.0)
    )
    old, new = fixed_instance("legacy", "http://a:1"), fixed_instance("orders", "http://a:1")
    before = View(services={"legacy": {old.key: Entry(old, 5)}})
    prober.view_changed(View(), before, None)
    await begun.wait()
    prober.instance_moved(old.key, new)
    prober.view_changed(before, View(services={"orders": {new.key: Entry(new, 5)}}), None)
    waiting = asyncio.create_task(book.changed("orders"))
    answered.set()
    await waiting
    assert list(book.worth_telling()) == [new.key]
    await prober.close()


async def test_an_instance_that_moves_to_another_health_check_is_a_new_one() -> None:
    book = HealthBook(lambda *_: None)
    prober = Prober(probe=passing, book=book, thresholds=Thresholds(), times=ProbeTimes())
    old = fixed_instance("legacy", "http://a:1")
    new = fixed_instance("orders", "http://a:1", FixedHealth("/health"))
    before = View(services={"legacy": {old.key: Entry(old, 5)}})
    prober.view_changed(View(), before, None)
    await eventually(lambda: book.status(old.key) == "healthy")
    prober.instance_moved(old.key, new)
    prober.view_changed(before, View(services={"orders": {new.key: Entry(new, 5)}}), None)
    assert book.status(new.key) == "starting"
    await prober.close()


async def test_an_instance_with_an_interval_of_its_own_is_probed_by_that() -> None:
    """A new interval counts at once, not after the old one."""
    probed = {"often": 0, "seldom": 0}

    async def probe(instance: Instance, _suspected: bool) -> Verdict:
        probed[instance.name] += 1
        return Verdict(True, "200")

    book = HealthBook(lambda *_: None)
    prober = Prober(
        probe=probe, book=book, thresholds=Thresholds(), times=ProbeTimes(interval_s=0.001)
    )

    def view_of(often_s: float) -> View:
        instances = (
            fixed_instance("often", "http://a:1", FixedHealth(interval_s=often_s)),
            fixed_instance("seldom", "http://a:1", FixedHealth(interval_s=60.0)),
        )
        return View(services={one.name: {one.key: Entry(one, 5)} for one in instances})

    first, second = view_of(60.0), view_of(0.001)
    prober.view_changed(View(), first, None)
    await eventually(lambda: book.revision >= 4)  # both have begun, and are healthy
    assert probed == {"often": 1, "seldom": 1}
    prober.view_changed(first, second, None)
    await eventually(lambda: probed["often"] > 5)
    assert probed["seldom"] == 1
    await prober.close()
