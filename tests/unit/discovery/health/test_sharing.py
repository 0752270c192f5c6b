"""Workers that share the probes of one gateway."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import pytest

from discovery.base.stepping import in_steps
from discovery.health.book import HealthBook
from discovery.health.machine import Health, ProbeTimes, Thresholds, Verdict
from discovery.health.prober import Prober
from discovery.health.sharing import STALE_AFTER_S, Hearing, Sharing, Told, digest_of
from discovery.model.instance import Instance, parse_registration
from discovery.view.view import Entry, Event, View
from tests.support.eventually import eventually
from tests.support.worker_groups import Group

QUICK = ProbeTimes(
    interval_s=0.05, eager_interval_s=0.01, eager_for_s=0.0, doubtful_interval_s=0.02, timeout_s=0.1
)
NEVER_AGAIN = replace(QUICK, interval_s=600.0, doubtful_interval_s=600.0, timeout_s=600.0)


def entry(number: int, port: int = 1, **more: object) -> Entry:
    said = {"host": "localhost", "port": port, **more}
    return Entry(parse_registration("price", str(number), said), 0)


def view_of(entries: Iterable[Entry]) -> View:
    return View("e", 1, {"price": {one.key: one for one in entries}})


class Worker:
    """A worker's prober, with what it has seen of the world."""

    def __init__(self, group: Group, name: str, times: ProbeTimes, state: str = "ready") -> None:
        self.name = name
        self.follows = True
        #: What was probed, and whether as a suspected instance.
        self.probed: list[tuple[str, bool]] = []
        self.changes: list[str] = []
        self.spoken: list[str] = []
        self.passes = True
        self.plans_changed = asyncio.Event()
        self.book = HealthBook(self._changed)
        self.sharing = Sharing(group.join(name, state), lambda: self.follows)
        self.prober = Prober(
            probe=self._probe,
            book=self.book,
            thresholds=Thresholds(),
            times=times,
            sharing=self.sharing,
        )
        self.sharing.listen(
            Hearing(self.prober.verdict_heard, self.prober.doubt_heard, self.plans_changed.set)
        )
        self.view = View()
        self.taking_over = asyncio.create_task(self._take_over())

    def sees(self, view: View, event: Event | None = None) -> None:
        before, self.view = self.view, view
        self.prober.view_changed(before, view, event)

    async def close(self) -> None:
        self.taking_over.cancel()
        await self.prober.close()

    async def _take_over(self) -> None:
        while True:
            await self.plans_changed.wait()
            self.plans_changed.clear()
            await in_steps(self.prober.planning_anew())

    async def _probe(self, instance: Instance, suspected: bool) -> Verdict:
        self.probed.append((instance.key, suspected))
        return Verdict(self.passes, "200" if self.passes else "refused")

    def _changed(self, instance: Instance, before: Health, after: Health) -> None:
        self.changes.append(f"{instance.key}: {before.condition} -> {after.condition}")
        if self.sharing.speaks_for(instance.key):
            self.spoken.append(self.changes[-1])


class Workers(Group):
    """A gateway's workers, each with a prober."""

    def __init__(self) -> None:
        super().__init__()
        self.probers: list[Worker] = []


@pytest.fixture
async def group() -> AsyncIterator[Workers]:
    made = Workers()
    yield made
    for worker in made.probers:
        await worker.close()


def workers_of(group: Workers, *names: str, times: ProbeTimes = NEVER_AGAIN) -> list[Worker]:
    made = [Worker(group, name, times) for name in names]
    group.probers += made
    return made


@pytest.mark.parametrize("count", [1, 2, 4])
async def test_each_instance_is_probed_by_one_worker_and_judged_by_all(
    group: Workers, count: int
) -> None:
    workers = workers_of(group, *(str(100 + n) for n in range(count)))
    entries = [entry(number) for number in range(40)]
    for worker in workers:
        worker.sees(view_of(entries))
    keys = [one.key for one in entries]
    await eventually(lambda: all(w.book.status(key) == "healthy" for w in workers for key in keys))
    probed = [key for worker in workers for key, _ in worker.probed]
    assert sorted(probed) == sorted(keys)
    if count == 2:
        assert all(worker.probed for worker in workers)
    for worker in workers:
        assert sorted(worker.changes) == sorted(f"{key}: starting -> healthy" for key in keys)
    spoken = [said for worker in workers for said in worker.spoken]
    assert sorted(spoken) == sorted(workers[0].changes), "one line for a gateway"


async def test_a_verdict_that_comes_before_the_instance_is_seen_is_kept(group: Workers) -> None:
    one, other = workers_of(group, "1", "2")
    entries = [entry(number) for number in range(20)]
    one.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == len(one.probed) > 0)
    await asyncio.sleep(0.01)  # for the messages
    other.sees(view_of(entries))
    for key, _ in one.probed:
        assert other.book.status(key) == "healthy", "at once"


async def test_a_verdict_on_another_address_of_the_instance_is_not_taken(group: Workers) -> None:
    one, other = workers_of(group, "1", "2")
    entries = [entry(number) for number in range(20)]
    moved = [entry(number, port=2) for number in range(20)]
    other.sees(view_of(moved))
    one.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == len(one.probed) > 0)
    await eventually(lambda: ("1", "health.verdicts") in group.said)
    await asyncio.sleep(0.01)
    assert {other.book.status(key) for key, _ in one.probed} == {"starting"}
    other.sees(view_of(entries))
    assert {other.book.status(key) for key, _ in one.probed} == {"healthy"}


async def test_failures_in_a_row_are_counted_the_same_by_all(group: Workers) -> None:
    one, other = workers_of(group, "1", "2", times=QUICK)
    one.passes = other.passes = False
    entries = [entry(number) for number in range(4)]
    for worker in (one, other):
        worker.sees(view_of(entries))
    for each in entries:
        await eventually(
            lambda key=each.key: {w.book.status(key) for w in (one, other)} == {"unhealthy"}
        )
    one.passes = other.passes = True
    for each in entries:
        await eventually(
            lambda key=each.key: {w.book.status(key) for w in (one, other)} == {"healthy"}
        )
    assert sorted(one.changes) == sorted(other.changes)
    assert sorted(one.spoken + other.spoken) == sorted(one.changes)


async def test_a_doubt_of_one_worker_is_all_of_theirs_until_the_owner_has_probed(
    group: Workers,
) -> None:
    one, other = workers_of(group, "1", "2")
    entries = [entry(number) for number in range(8)]
    for worker in (one, other):
        worker.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == len(other.changes) == 8)
    owned = one.probed[0][0]
    instance = one.view.services["price"][owned].instance
    other.changes.clear()
    other.prober.doubt(instance, "no answer for 500 ms while others answer")
    assert other.book.is_suspected(owned), "at once"
    await eventually(lambda: (owned, True) in one.probed)
    await eventually(lambda: not other.book.is_suspected(owned))
    assert not one.book.is_suspected(owned)
    assert (owned, True) not in other.probed
    suspicion = f"{owned}: healthy -> suspected"
    assert [said for said in (*one.spoken, *other.spoken) if said == suspicion] == [suspicion]


async def test_a_pass_that_asked_too_little_tells_the_owner_of_the_doubt_again(
    group: Workers,
) -> None:
    one, other = workers_of(group, "1", "2", times=QUICK)
    entries = [entry(number) for number in range(8)]
    other.sees(view_of(entries))
    one.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == len(other.changes) == 8)
    owned = one.probed[0][0]
    group.hanging.add("2")  # its doubt is lost
    other.prober.doubt(one.view.services["price"][owned].instance, "refused")
    group.hanging.clear()
    await eventually(lambda: (owned, True) in one.probed)
    await eventually(lambda: not other.book.is_suspected(owned))


async def test_the_instances_of_a_worker_that_ends_are_probed_by_the_others(group: Workers) -> None:
    one, other = workers_of(group, "1", "2", times=replace(QUICK, timeout_s=600.0))
    entries = [entry(number) for number in range(8)]
    for worker in (one, other):
        worker.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == len(other.changes) == 8)
    owned = {key for key, _ in one.probed}
    assert owned
    assert not owned & {key for key, _ in other.probed}
    await one.close()
    group.probers.remove(one)
    group.leave("1")
    await eventually(lambda: owned <= {key for key, _ in other.probed})


async def test_the_instances_of_a_worker_that_hangs_are_probed_by_the_others(
    group: Workers,
) -> None:
    one, other = workers_of(group, "1", "2", times=QUICK)
    entries = [entry(number) for number in range(8)]
    for worker in (one, other):
        worker.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == len(other.changes) == 8)
    owned = {key for key, _ in one.probed}
    await one.close()
    group.probers.remove(one)
    group.hanging.add("1")
    other.passes = False
    for key in owned:
        await eventually(lambda key=key: other.book.status(key) == "unhealthy")
        assert f"{key}: healthy -> unhealthy" in other.spoken, "nobody else would say it"


async def test_a_new_instance_of_a_hanging_owner_is_judged_within_a_second(group: Workers) -> None:
    times = ProbeTimes(interval_s=600.0)
    one, other = workers_of(group, "1", "2", times=times)
    group.hanging.add("1")
    await one.close()
    group.probers.remove(one)
    entries = [entry(number) for number in range(8)]
    began_s = time.monotonic()
    other.sees(view_of(entries))
    await eventually(lambda: len(other.changes) == 8)
    assert time.monotonic() - began_s < 5


async def test_one_worker_after_the_other_probes_in_the_place_of_one_that_hangs(
    group: Workers,
) -> None:
    """If all did at once, one bad moment would be HEALTH_FALL failures in a row."""
    workers = workers_of(group, "1", "2", "3", "4", times=replace(QUICK, timeout_s=3.0))
    hanging, *others = workers
    entries = [entry(number) for number in range(40)]
    for worker in workers:
        worker.sees(view_of(entries))
    await eventually(lambda: all(len(worker.changes) == 40 for worker in workers))
    owned = {key for key, _ in hanging.probed}
    await hanging.close()
    group.probers.remove(hanging)
    group.hanging.add("1")
    for worker in others:
        worker.probed.clear()

    def in_its_place() -> list[str]:
        return [key for worker in others for key in {key for key, _ in worker.probed} & owned]

    await eventually(lambda: {*in_its_place()} == owned, within_s=60)
    assert sorted(in_its_place()) == sorted(owned), "each by one worker"


async def test_who_speaks_in_the_place_of_another_goes_on_when_a_later_one_is_heard(
    group: Workers,
) -> None:
    workers = workers_of(group, "1", "2", "3")
    key = entry(0).key
    first, second, third = sorted(workers, key=lambda worker: worker.sharing.turn(key))
    assert [worker.sharing.turn(key) for worker in (first, second, third)] == [0, 1, 2]
    told = Told(key, "", passed=True, evidence="200", suspected=False, at_s=time.monotonic())

    for teller, speaks in ((third, True), (first, False)):
        second.sharing.cover(key)
        teller.sharing.tell(told)
        await eventually(lambda at=speaks: second.sharing.speaks_for(key) is at)
        await asyncio.sleep(0.01)
        assert second.sharing.speaks_for(key) is speaks


async def test_a_verdict_that_was_long_on_its_way_is_not_taken(group: Workers) -> None:
    one, other = workers_of(group, "1", "2")
    each = next(one_of for n in range(9) if one.sharing.is_mine((one_of := entry(n)).key))
    other.sees(view_of([each]))
    delays: list[float] = []
    other.sharing.on_delay = delays.append
    told = Told(each.key, digest_of(each.instance), passed=True, evidence="200", suspected=False)
    now_s = time.monotonic()
    one.sharing.tell(told._replace(at_s=now_s - STALE_AFTER_S))
    await eventually(lambda: delays)
    assert other.book.status(each.key) == "starting"
    one.sharing.tell(told._replace(at_s=now_s))
    await eventually(lambda: other.book.status(each.key) == "healthy")


async def test_a_verdict_on_an_earlier_registration_does_not_count_for_the_next(
    group: Workers,
) -> None:
    one, other = workers_of(group, "1", "2")
    mine = [each for n in range(9) if one.sharing.is_mine((each := entry(n)).key)]
    one.sees(view_of(mine))  # the other one has seen already that they are gone
    await eventually(lambda: ("1", "health.verdicts") in group.said)
    await asyncio.sleep(0.01)
    other.sees(view_of(Entry(each.instance, 1) for each in mine))
    assert {other.book.status(each.key) for each in mine} == {"starting"}


async def test_an_instance_by_heartbeats_that_is_unhealthy_is_probed_by_its_next_owner(
    group: Workers,
) -> None:
    """Whoever has missed the doubt, since it did not follow the registry, has heard the verdicts alone."""
    one, other = workers_of(group, "1", "2", times=QUICK)
    each = next(
        one_of
        for n in range(9)
        if one.sharing.is_mine((one_of := entry(n, metadata={"health.probe": "heartbeat"})).key)
    )
    for worker in (one, other):
        worker.sees(view_of([each]))
    one.passes = other.passes = other.follows = False
    one.prober.doubt(each.instance, "refused")
    await asyncio.sleep(0.01)  # for the message
    other.follows = True
    await eventually(lambda: other.book.status(each.key) == "unhealthy")
    await one.close()
    group.probers.remove(one)
    group.leave("1")
    other.passes = True
    await eventually(lambda: other.book.status(each.key) == "healthy")


async def test_while_the_registry_is_away_each_worker_probes_and_listens_to_nobody(
    group: Workers,
) -> None:
    one, other = workers_of(group, "1", "2")
    for worker in (one, other):
        worker.follows = False
    entries = [entry(number) for number in range(8)]
    for worker in (one, other):
        worker.sees(view_of(entries))
    await eventually(lambda: len(one.probed) == len(other.probed) == 8)
    assert len(one.spoken) + len(other.spoken) == 8, "one of them speaks still"


async def test_an_owner_that_is_not_back_at_the_registry_tells_those_that_are(
    group: Workers,
) -> None:
    """Workers come back one after the other, so that the registry can answer all of them."""
    one, other = workers_of(group, "1", "2", times=NEVER_AGAIN)
    entries = [entry(number) for number in range(8)]
    one.follows = False
    for worker in (one, other):
        worker.sees(view_of(entries))
    keys = [each.key for each in entries]
    await eventually(lambda: all(other.book.status(key) == "healthy" for key in keys))
    owned = {key for key in keys if one.sharing.turn(key) == 0 and not other.sharing.is_mine(key)}
    assert owned
    assert len(one.probed) == 8
    assert not owned & {key for key, _ in other.probed}
    assert sum(sender == "1" for sender, _ in group.said) > 0


async def test_a_worker_that_loses_the_registry_probes_what_was_a_siblings(group: Workers) -> None:
    one, other = workers_of(group, "1", "2", times=replace(QUICK, timeout_s=600.0))
    entries = [entry(number) for number in range(8)]
    for worker in (one, other):
        worker.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == len(other.changes) == 8)
    owned = {key for key, _ in one.probed}
    other.follows = False
    other.sharing.connected_changed()
    await eventually(lambda: owned <= {key for key, _ in other.probed})


async def test_a_worker_that_is_not_ready_probes_nothing_where_a_sibling_is(group: Workers) -> None:
    (one,) = workers_of(group, "1")
    late = Worker(group, "2", NEVER_AGAIN, "starting")
    group.probers.append(late)
    entries = [entry(number) for number in range(8)]
    for worker in (one, late):
        worker.sees(view_of(entries))
    await eventually(lambda: len(late.changes) == 8)
    assert not late.probed
    group.becomes("1", "stopping")
    group.becomes("2", "ready")
    assert all(late.sharing.is_mine(each.key) for each in entries)
    assert not any(one.sharing.is_mine(each.key) for each in entries)


async def test_an_instance_whose_heartbeats_are_its_probe_has_no_task_once_its_owner_has_judged(
    group: Workers,
) -> None:
    one, other = workers_of(group, "1", "2", times=QUICK)
    entries = [entry(n, metadata={"health.probe": "heartbeat"}) for n in range(6)]
    for worker in (one, other):
        worker.sees(view_of(entries))
    assert not one.probed
    assert not other.probed
    for each in entries:
        other.prober.doubt(each.instance, "refused")
    for each in entries:
        await eventually(lambda key=each.key: not other.book.is_suspected(key))
        await eventually(lambda key=each.key: not one.book.is_suspected(key))
    probed = sorted(one.probed + other.probed)
    assert probed == sorted((each.key, True) for each in entries)
    await eventually(
        lambda: (
            not any(
                task.get_name().startswith("probe-")
                for task in asyncio.all_tasks()
                if not task.done()
            )
        )
    )


async def test_what_a_sibling_makes_of_an_instance_counts_where_nothing_is_known(
    group: Workers,
) -> None:
    (one,) = workers_of(group, "1")
    entries = [entry(number) for number in range(4)]
    one.sees(view_of(entries))
    await eventually(lambda: len(one.changes) == 4)
    late = Worker(group, "2", NEVER_AGAIN, "starting")
    group.probers.append(late)
    told = one.prober.healths()
    for health in told[:2]:
        late.prober.health_heard(*health)
    late.sees(view_of(entries))
    for health in told[2:]:
        late.prober.health_heard(*health)
    for each in entries:
        assert late.book.health(each.key) == one.book.health(each.key)
        assert late.book.status(each.key) == "healthy"
    assert not late.spoken
