"""What workers tell the registry of splits, and what they get back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from middlewares.split import store as split_store
from middlewares.split.deciding.evidence import PERIODS
from middlewares.split.deciding.plan import State
from middlewares.split.store import Asked, Found, SplitStore
from tests.support.eventually import eventually
from tests.support.every_server import registry_server as registry_server
from tests.support.registry_groups import cluster
from tests.support.registry_servers import RegistryServer

FIRST = State((5.0, 95.0))
OTHER = State((25.0, 75.0), by="api")
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the registry more time, so that it does not count as away on a busy machine."""
    monkeypatch.setattr(split_store, "ANSWER_WITHIN_S", 10.0)


@pytest.fixture
async def made(registry_url: str) -> AsyncIterator[Callable[[str], SplitStore]]:
    stores: list[SplitStore] = []

    def make(worker: str = "w1") -> SplitStore:
        stores.append(SplitStore(RegistrySettings(registry_url), worker))
        return stores[-1]

    yield make
    for one in stores:
        await one.close()


async def sync(
    store: SplitStore,
    id_: str = "orders:a",
    *,
    state: State = FIRST,
    came_from: str = "",
    looked_at: int = 0,
    period_ms: int = MINUTE_MS,
    **counts: int,
) -> Found:
    asked = Asked(id_, came_from, state, period_ms, looked_at, counts)
    _, _, (found,) = await store.sync({id_: state.revision}, [asked])
    return found


async def test_the_first_worker_begins_and_the_others_find_that(made: Any) -> None:
    begun = (await sync(made("w1"))).state
    assert begun == State(FIRST.weights, since_ms=begun.since_ms)
    assert begun.since_ms > 0
    assert (await sync(made("w2"), state=State((1.0, 1.0)))).state == begun


async def test_a_change_counts_up_and_only_from_the_state_that_is_there(made: Any) -> None:
    one, other = made("w1"), made("w2")
    await sync(one)
    changed = await one.change("orders:a", 0, OTHER)
    assert changed is not None
    state, is_ours = changed
    assert (state.revision, state.weights, is_ours) == (1, OTHER.weights, True)
    assert await other.change("orders:a", 0, FIRST) == (state, False)
    assert (await sync(other)).state == state
    again = await other.change("orders:a", None, FIRST)
    assert again is not None
    assert (again[0].revision, again[1]) == (2, True)


async def test_of_many_who_make_the_same_change_one_has_made_it(made: Any) -> None:
    stores = [made(f"w{number}") for number in range(8)]
    await sync(stores[0])
    changes = await asyncio.gather(*(one.change("orders:a", 0, OTHER) for one in stores))
    assert [is_ours for _, is_ours in changes].count(True) == 1
    assert len({state for state, _ in changes if (state.evidence is None)}) == 1


async def test_what_is_not_there_can_not_be_changed(made: Any) -> None:
    assert await made().change("orders:a", None, OTHER) is None


async def test_counts_of_all_workers_add_up_in_their_period(made: Any) -> None:
    one, other = made("w1"), made("w2")
    await sync(one, c=10, cf=1, s=90, lc100=9, ls80=40)
    found = await sync(other, c=5, s=45, lc100=5, lr80=20)
    assert found.gathered is not None
    (counts,) = found.gathered.periods.values()
    assert counts == {"c": 15, "cf": 1, "s": 135, "lc100": 14, "ls80": 40, "lr80": 20}
    assert found.gathered.total == {"c": 15, "cf": 1, "s": 135}


async def test_evidence_comes_once_for_each_period(made: Any) -> None:
    store = made()
    found = await sync(store, c=1)
    assert found.gathered is not None
    (period,) = found.gathered.periods
    assert (await sync(store, looked_at=period)).gathered is None


async def test_counts_of_another_state_or_another_length_of_period_do_not_count(made: Any) -> None:
    store = made()
    await sync(store, c=10)
    changed = await store.change("orders:a", 0, OTHER)
    assert changed is not None
    old = await sync(store, c=7)
    assert old.gathered is not None
    assert old.gathered.periods == {}
    await sync(store, state=changed[0], c=3)
    longer = await sync(store, state=changed[0], period_ms=2 * MINUTE_MS)
    assert longer.gathered is not None
    assert longer.gathered.total == {}


async def test_only_a_window_of_periods_is_kept(made: Any) -> None:
    store = made()

    async def has_more_than_a_window() -> int:
        found = await sync(store, period_ms=100, c=1)
        assert found.gathered is not None
        assert len(found.gathered.periods) <= PERIODS + 1
        return found.gathered.total["c"] > 3 * PERIODS

    await eventually(has_more_than_a_window)


async def test_a_section_that_comes_back_begins_anew_but_not_for_who_comes_late(made: Any) -> None:
    one, late = made("w1"), made("w2")
    await sync(one, "orders:a")
    await one.change("orders:a", None, OTHER)
    assert (await sync(late, "orders:a")).state.weights == OTHER.weights
    await sync(one, "orders:b", state=State((1.0, 1.0)), came_from="orders:a")
    back = (await sync(one, "orders:a", came_from="orders:b")).state
    assert (back.weights, back.revision) == (FIRST.weights, 2)
    changed = await one.change("orders:a", None, OTHER)
    assert changed is not None
    # The other worker reloads to the section in between, and back.
    await sync(late, "orders:b", state=State((1.0, 1.0)), came_from="orders:a")
    again = (await sync(late, "orders:a")).state
    assert again == changed[0]


async def test_lost_data_goes_on_as_a_worker_knows_it(made: Any, registry_url: str) -> None:
    store = made()
    await sync(store)
    changed = await store.change("orders:a", 0, OTHER)
    assert changed is not None
    known = changed[0]
    redis.Redis.from_url(registry_url).flushall()
    assert (await sync(store, state=known)).state == known
    # Older data, as a replica may have.
    older = State((1.0, 1.0), revision=0, since_ms=1)
    redis.Redis.from_url(registry_url).flushall()
    await sync(store, state=older)
    assert (await sync(store, state=known)).state == known


async def test_what_nobody_can_read_is_begun_anew_or_has_no_weights(
    made: Any, registry_url: str
) -> None:  # type: ignore[no-untyped-def]
    store = made()
    server = redis.Redis.from_url(registry_url)
    await sync(store)
    (states,) = [str(key, "ascii") for key in server.keys("*:splits:states")]
    evidence = states.replace("states", "evidence")
    server.hset(states, "orders:a", "x")
    assert (await sync(store)).state.weights == FIRST.weights
    server.hset(states, "orders:a", "3 5 5 {broken")
    server.hset(evidence, "orders:a", "[]")
    found = await sync(store)
    assert (found.state.weights, found.state.revision) == ((), 3)
    assert found.gathered is not None
    assert found.gathered.periods == {}


async def test_workers_say_what_they_go_by_until_they_leave(made: Any) -> None:
    one, other = made("w1"), made("w2")
    await sync(one)
    await sync(other)
    assert await one.workers() == {"w1": {"orders:a": 0}, "w2": {"orders:a": 0}}
    await other.leave()
    assert await one.workers() == {"w1": {"orders:a": 0}}


async def test_a_registry_that_is_gone_says_so(own_registry: RegistryServer) -> None:
    store = SplitStore(RegistrySettings(own_registry.url), "w1")
    await sync(store)
    own_registry.kill()
    with pytest.raises(RegistryUnavailable):
        await sync(store)
    await store.close()


async def test_it_works_in_a_cluster(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as (node,):
        store = SplitStore(RegistrySettings(node.url.replace("redis://", "redis+cluster://")), "w1")
        await sync(store, c=5)
        changed = await store.change("orders:a", 0, OTHER)
        assert changed is not None
        assert (await sync(store, state=changed[0])).state == changed[0]
        assert await store.workers() == {"w1": {"orders:a": 1}}
        await store.close()
