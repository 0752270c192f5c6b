"""The watcher on a real registry misses nothing and believes nothing odd."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from discovery import AsyncServiceRegistry, RegistrySettings
from discovery.base.steps import at_once
from discovery.base.tasks import end
from discovery.model.instance import parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.view.saved_view import Saved
from discovery.view.view import Entries, Entry, Event, View, taking_over
from discovery.view.watcher import Watcher
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.registry_servers import RegistryServer, free_port

META = registry_keys("default")[0]
LEASE_S = 3600.0


class Following:
    """A running watcher, and everything that it told its listeners."""

    def __init__(self, url: str, view: View | None = None) -> None:
        self.watcher = Watcher(RegistrySettings(url))
        self.watcher.view = view or View()
        self.events: list[Event] = []
        self.snapshots = 0
        self.watcher.listen(self._note)
        self._task = asyncio.create_task(self.watcher.run())

    @property
    def view(self) -> View:
        return self.watcher.view

    async def reaches(self, revision: int) -> bool:
        """Wait for a view that has the change of this revision, in any epoch."""
        await eventually(lambda: self.view.revision >= revision)
        return await self.watcher.reached(self.view.epoch, revision)

    def absences(self) -> dict[str, str | None]:
        """Why each instance of the view is absent; None if it is registered."""
        return {entry.key: entry.absent for entry in self.view.entries()}

    async def stop(self) -> None:
        await end(self._task)

    def _note(self, before: View, after: View, event: Event | None) -> None:
        assert before is not after
        assert self.watcher.view is after
        if event is None:
            self.snapshots += 1
        else:
            self.events.append(event)


Follow = Callable[..., Following]


@pytest.fixture
async def follow() -> AsyncIterator[Follow]:
    following: list[Following] = []

    def begin(url: str, view: View | None = None) -> Following:
        following.append(Following(url, view))
        return following[-1]

    yield begin
    for one in following:
        await one.stop()


@pytest.fixture
async def registry(registry_url: str) -> AsyncIterator[AsyncServiceRegistry]:
    async with AsyncServiceRegistry(registry_url) as registry:
        yield registry


async def register(registry: AsyncServiceRegistry, *keys: str) -> None:
    for key in keys:
        name, _, instance_id = key.partition("/")
        await registry.register_service(name, "localhost", 1, instance_id=instance_id, ttl_s=3600)


def flush(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()


async def as_registered(registry: AsyncServiceRegistry) -> Mapping[str, Entries]:
    """What a new view without a history would be."""
    snapshot = await registry.call(scripts.snapshot())
    return at_once(taking_over(View(), snapshot, 0.0)).services


# Following


async def test_what_was_there_before_comes_with_the_first_view(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    await register(registry, "price/a", "orders/a")
    following = follow(registry_url)
    assert not following.watcher.has_view
    async with asyncio.timeout(20):
        await following.watcher.ready()
    assert following.watcher.connected
    assert following.absences() == {"price/a": None, "orders/a": None}
    assert following.snapshots == 1


async def test_a_large_snapshot_is_taken_in_while_everything_else_goes_on(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    """Ten thousand instances blocked the event loop, and with it every request, for 180 ms."""
    _, instances, index = registry_keys("default")[:3]
    await register(registry, *(f"price/{number}" for number in range(300)))
    with redis.Redis.from_url(registry_url) as client:
        for key in ("aaa/first", "zzz/last"):  # records that are not ours are reported
            client.hset(instances, key, "nonsense")
            client.zadd(index, {key: 0})
    with capture_logs() as logs:
        following = follow(registry_url)
        seen_between = 0
        while not following.watcher.has_view:
            told = [line["key"] for line in logs if line["event"] == "registry.invalid_record"]
            if told == ["aaa/first"]:
                seen_between += 1
                assert following.absences() == {}
            await asyncio.sleep(0)
    assert seen_between >= 3
    assert (len(following.absences()), following.snapshots) == (300, 1)


async def test_an_empty_registry_is_a_view_too(registry_url: str, follow: Follow) -> None:
    following = follow(registry_url)
    async with asyncio.timeout(20):
        await following.watcher.ready()
    assert following.absences() == {}
    assert following.view.epoch


async def test_each_change_arrives_within_moments_and_can_be_waited_for(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    following = follow(registry_url)
    watcher = following.watcher
    await watcher.ready()
    await register(registry, "price/a")
    assert await following.reaches(1)
    assert watcher.view.is_registered("price")
    await registry.drain("price", "a")
    assert await following.reaches(2)
    (entry,) = watcher.view.registered("price")
    assert entry.draining
    assert not await watcher.reached(watcher.view.epoch, 3, timeout_s=0.01)


async def test_no_event_is_missed_over_two_hundred_random_changes(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    """Four writers change things at once; two watchers end with the view of one that starts afterwards."""
    first, second = follow(registry_url), follow(registry_url)
    await first.watcher.ready()
    await second.watcher.ready()
    rng = random.Random(random.getrandbits(32))

    async def write(count: int) -> None:
        for _ in range(count):
            key = rng.choice(["price/a", "price/b", "orders/a", "orders/b", "stock/a"])
            name, _, instance_id = key.partition("/")
            status = rng.choice(["healthy", "unhealthy"])
            instance = parse_registration(
                name, instance_id, {"host": "h", "port": rng.randint(1, 99), "ttl": 3600}
            )
            changes: list[scripts.Command[Any]] = [
                scripts.register(instance),
                scripts.register(instance),
                scripts.drain(key),
                scripts.deregister(key),
                scripts.report("g", LEASE_S, [(key, status, "")]),
            ]
            await registry.call(rng.choice(changes))

    await asyncio.gather(*(write(50) for _ in range(4)))
    last = (await registry.call(scripts.snapshot())).revision
    for following in (first, second):
        assert await following.reaches(last)
        assert [event.revision for event in following.events] == list(range(1, last + 1))
        assert following.snapshots == 1
        assert following.view.services == await as_registered(registry)


async def test_a_storm_of_changes_is_taken_in_a_hundred_at_a_time(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    """A thousand instances that registered or lapsed at once delayed every request."""
    following = follow(registry_url)
    await following.watcher.ready()
    turn, turns = 0, []
    following.watcher.listen(lambda _before, _after, _event: turns.append(turn))
    with redis.Redis.from_url(registry_url) as client:
        script = client.register_script(scripts.script_source("register"))
        pipeline = client.pipeline()  # a transaction: the watcher is woken when all are in
        for number in range(450):
            instance = parse_registration("price", str(number), {"host": "h", "port": 1})
            command = scripts.register(instance)
            script(keys=registry_keys("default"), args=command.args, client=pipeline)
        pipeline.execute()
    async with asyncio.timeout(20):
        while len(turns) < 450:
            turn += 1
            await asyncio.sleep(0)
    assert max(turns.count(one) for one in set(turns)) <= 100
    assert following.snapshots == 1


async def test_the_age_of_the_view_starts_anew_with_each_word_of_the_registry(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    following = follow(registry_url)
    watcher = following.watcher
    await watcher.ready()
    await eventually(lambda: watcher.age_s > 0.1)
    before_s = time.monotonic()
    await register(registry, "price/a")
    assert await following.reaches(1)
    assert watcher.age_s <= time.monotonic() - before_s


# Oddities of the registry


async def test_a_jump_in_revisions_means_a_new_snapshot(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    """Entries were trimmed before they were read, or another server took the registry's place."""
    following = follow(registry_url)
    await following.watcher.ready()
    await register(registry, "price/a")
    assert await following.reaches(1)
    with redis.Redis.from_url(registry_url) as client:
        client.hincrby(META, "rev", 5)
    await register(registry, "price/b")
    await eventually(lambda: following.absences() == {"price/a": None, "price/b": None})
    assert (following.view.revision, following.snapshots) == (7, 2)
    assert [event.revision for event in following.events] == [1]


async def test_an_entry_that_is_none_of_ours_is_stepped_over(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    following = follow(registry_url)
    await following.watcher.ready()
    with capture_logs() as logs, redis.Redis.from_url(registry_url) as client:
        client.xadd(registry_keys("default")[-1], {"greeting": "hello"})
        await register(registry, "price/a")
        assert await following.reaches(1)
    assert following.snapshots == 1
    assert "registry.invalid_event" in [line["event"] for line in logs]


async def test_instances_that_are_lost_with_the_data_stay_in_the_view_as_lost(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    following = follow(registry_url)
    await register(registry, "price/a", "orders/a", "stock/a")
    assert await following.reaches(3)
    await registry.drain("stock", "a")
    assert await following.reaches(4)
    flush(registry_url)
    await eventually(lambda: following.absences() == {"price/a": "lost", "orders/a": "lost"})
    assert following.watcher.connected

    await register(registry, "price/a")
    await eventually(lambda: following.absences() == {"price/a": None, "orders/a": "lost"})


async def test_a_registry_that_fills_again_at_once_is_not_the_whole_truth(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    following = follow(registry_url)
    await register(registry, "price/a", "orders/a")
    assert await following.reaches(2)
    epoch = following.view.epoch
    flush(registry_url)
    await register(registry, "price/a")
    await eventually(lambda: following.absences() == {"price/a": None, "orders/a": "lost"})
    assert following.view.epoch != epoch


async def test_a_loss_of_data_is_seen_though_as_many_changes_followed_as_before(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    """Only the epoch shows it then; the revisions go on as if nothing had happened."""
    following = follow(registry_url)
    await following.watcher.ready()
    flush(registry_url)
    await register(registry, "price/a")
    epoch = (await registry.call(scripts.snapshot())).epoch
    await eventually(lambda: following.view.epoch == epoch)
    assert following.absences() == {"price/a": None}


@pytest.mark.parametrize("seen", [False, True], ids=["before the loss is seen", "after it"])
async def test_what_is_taken_out_after_a_loss_of_data_is_gone_and_not_lost(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow, seen: bool
) -> None:
    """The registry no longer knew the instance and sent no event, so the view kept it as lost."""
    following = follow(registry_url)
    await register(registry, "price/a", "price/b", "price/c")
    assert await following.reaches(3)
    flush(registry_url)
    if seen:
        await eventually(lambda: set(following.absences().values()) == {"lost"})
    assert not await registry.deregister_service("price", "a")
    assert not await registry.drain("price", "b")
    await eventually(lambda: following.absences() == {"price/c": "lost"})

    await register(registry, "price/a")
    await eventually(lambda: following.absences() == {"price/a": None, "price/c": "lost"})


# The registry being away


async def test_a_server_that_is_killed_and_comes_back_empty_loses_nothing_of_the_view(
    own_registry: RegistryServer, follow: Follow
) -> None:
    async with AsyncServiceRegistry(own_registry.url) as registry:
        following = follow(own_registry.url)
        await register(registry, "price/a", "orders/a")
        assert await following.reaches(2)
        own_registry.kill()
        await eventually(lambda: not following.watcher.connected)
        assert following.absences() == {"price/a": None, "orders/a": None}

        own_registry.start()
        await eventually(lambda: following.absences() == {"price/a": "lost", "orders/a": "lost"})
        await register(registry, "price/a")
        await eventually(lambda: following.absences() == {"price/a": None, "orders/a": "lost"})
        assert following.watcher.connected


@pytest.mark.registry_hangs
async def test_a_server_that_hangs_is_noticed_and_followed_on_when_it_goes_on(
    own_registry: RegistryServer, follow: Follow
) -> None:
    async with AsyncServiceRegistry(own_registry.url) as registry:
        following = follow(own_registry.url)
        await register(registry, "price/a")
        assert await following.reaches(1)
        own_registry.pause()
        await eventually(lambda: not following.watcher.connected)
        assert following.watcher.age_s > 1
        assert following.absences() == {"price/a": None}

        before_s = time.monotonic()
        own_registry.resume()
        await eventually(lambda: following.watcher.connected)
        # The new snapshot counts as news from the registry.
        assert following.watcher.age_s <= time.monotonic() - before_s
        await register(registry, "price/b")
        await eventually(lambda: following.absences() == {"price/a": None, "price/b": None})


async def test_what_is_taken_out_while_the_connection_is_down_is_gone_and_not_lost(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    following = follow(registry_url)
    await register(registry, "price/a", "price/b")
    assert await following.reaches(2)
    with redis.Redis.from_url(registry_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
        client.config_set("maxclients", 1)  # nobody can connect again before this is over
        try:
            await eventually(lambda: not following.watcher.connected)
            source = scripts.script_source("deregister")
            command = scripts.deregister("price/a")
            keys = registry_keys("default")
            client.eval(source, len(keys), *keys, *command.args)
        finally:
            client.config_set("maxclients", 10000)
    await eventually(lambda: following.absences() == {"price/b": None})


async def test_a_registry_that_is_away_at_the_start_is_waited_for(
    own_registry: RegistryServer, follow: Follow
) -> None:
    own_registry.kill()
    with capture_logs() as logs:
        following = follow(own_registry.url)
        await eventually(lambda: [line for line in logs if line["log_level"] == "warning"])
        assert not following.watcher.has_view
        assert not following.watcher.connected
        own_registry.start()
        async with asyncio.timeout(20):
            await following.watcher.ready()
    assert logs[0]["event"] == "registry.unreachable"


async def test_the_pauses_grow_while_the_registry_is_away_at_the_start(follow: Follow) -> None:
    """The watcher tried, and warned, twenty times a second for as long as the registry was away."""
    tries_at_s: list[float] = []

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tries_at_s.append(time.monotonic())
        writer.close()

    port = free_port()
    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        follow(f"redis://127.0.0.1:{port}/0")
        await eventually(lambda: len(tries_at_s) >= 7, within_s=30)
    assert tries_at_s[6] - tries_at_s[0] > 1


async def test_what_has_been_absent_for_too_long_is_forgotten_while_events_keep_coming(
    registry: AsyncServiceRegistry, registry_url: str, follow: Follow
) -> None:
    """One event a second, from one flapping instance, kept every lapsed instance routable for ever."""
    lapsed = parse_registration("price", "old", {"host": "h", "port": 1})
    entry = Entry(lapsed, 0, absent="lapsed", absent_since_s=time.monotonic() - 1000)
    following = follow(registry_url, View(services={"price": {entry.key: entry}}))

    async def change_another() -> None:
        while True:
            await register(registry, "orders/a")
            await asyncio.sleep(0.05)

    changing = asyncio.create_task(change_another())
    try:
        await eventually(lambda: "price/old" not in following.absences())
    finally:
        await end(changing)


async def test_while_the_registry_is_away_no_time_counts_against_what_it_has_lost(
    own_registry: RegistryServer, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can register again meanwhile, so an outage as long as their remaining time removed them all."""
    monkeypatch.setattr("discovery.view.view.ABSENT_KEPT_S", 3.0)
    instances = [parse_registration("price", one, {"host": "h", "port": 1}) for one in "ab"]
    now_s = time.monotonic()
    lost = Entry(instances[0], 0, absent="lost", absent_since_s=now_s)
    lapsed = Entry(instances[1], 0, absent="lapsed", absent_since_s=now_s)
    view = View(services={"price": {one.key: one for one in (lost, lapsed)}})
    following = follow(own_registry.url, view)
    await eventually(lambda: following.watcher.connected)

    own_registry.kill()
    await eventually(lambda: following.watcher.age_s > 4, within_s=30)
    await eventually(lambda: following.absences() == {"price/a": "lost"})
    own_registry.start()
    snapshots = following.snapshots
    await eventually(lambda: following.watcher.connected, within_s=30)
    assert following.snapshots > snapshots
    assert following.absences() == {"price/a": "lost"}
    # The rest of its time begins to run now.
    kept_s = following.view.services["price"]["price/a"].absent_since_s + 3.0 - time.monotonic()
    assert kept_s > 0
    await eventually(lambda: following.absences() == {})


async def test_a_saved_view_is_as_old_as_the_registrys_last_word_on_it(
    own_registry: RegistryServer,
) -> None:
    """If the view counted as new, instances lost long before would get their whole time again."""
    own_registry.kill()
    saved = Saved(View(known={"price": time.monotonic()}), 40.0)
    watcher = Watcher(RegistrySettings(own_registry.url), lambda: saved)
    task = asyncio.create_task(watcher.run())
    async with asyncio.timeout(10):
        await watcher.ready()
    assert (watcher.view_from, watcher.connected) == ("file", False)
    assert 40 <= watcher.age_s < 60
    await end(task)


async def test_what_lapses_while_a_watcher_is_cut_off_has_lapsed_for_it_too(
    own_registry: RegistryServer, follow: Follow
) -> None:
    """The instance counted as lost with the registry's data, and got requests for up to a minute."""
    async with (
        AsyncServiceRegistry(own_registry.url) as there,
        Forwarder(own_registry.port) as path,
    ):
        await register(there, "price/a", "price/b")
        following = follow(f"redis://127.0.0.1:{path.port}/0")
        assert await following.reaches(2)
        path.target = free_port()
        await path.cut()
        await eventually(lambda: not following.watcher.connected)
        with redis.Redis.from_url(own_registry.url) as client:
            client.zadd(registry_keys("default")[3], {"price/a": 1})
        await there.call(scripts.sweep("g", 60, 60))
        await register(there, "orders/a")

        path.target = own_registry.port
        await eventually(lambda: following.watcher.connected, within_s=30)
        assert following.absences() == {"price/a": "lapsed", "price/b": None, "orders/a": None}
