"""How much workers ask the registry for, while nothing changes and when something does."""

from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
import redis

from discovery.model.settings import RegistrySettings
from middlewares.split import store as split_store
from middlewares.split.deciding.evidence import Margins
from middlewares.split.deciding.plan import Plan
from middlewares.split.keeper import Keeper
from middlewares.split.live import LiveSplit
from middlewares.split.policy import Share, SplitPolicy
from middlewares.split.store import Asked, Found, SplitStore
from tests.support.every_server import registry_server as registry_server

SHARES = (Share("a", 5.0), Share("b", 95.0))
#: Of some routes the canary is watched, in periods that outlast the test.
QUIET, WATCHED = SplitPolicy(SHARES, Plan(0)), SplitPolicy(SHARES, Plan(0, Margins(over_s=86400.0)))
MANY = 120


class Counting(SplitStore):
    """Knows which splits it was asked for."""

    def __init__(self, url: str, worker: str) -> None:
        super().__init__(RegistrySettings(url), worker)
        self.asked: list[str] = []

    async def sync(
        self, note: Mapping[str, int] | None, asked: Sequence[Asked]
    ) -> tuple[int, bytes, list[Found]]:
        self.asked += [one.id.partition(":")[0] for one in asked]
        return await super().sync(note, asked)

    def taken(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


class Worker:
    """A keeper of many splits."""

    def __init__(self, url: str, name: str) -> None:
        self.live: dict[str, LiveSplit] = {}
        self.store = Counting(url, name)
        self.keeper = Keeper(self.store, self.live)
        for _ in self.keeper.taking(
            {f"r{number}": WATCHED if number < 10 else QUIET for number in range(MANY)}
        ):
            pass

    async def rounds(self, number: int) -> None:
        for _ in range(number):
            await self.keeper.round()


@pytest.fixture
async def workers(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Worker, Worker]]:
    # So that the registry does not count as away on a busy machine.
    monkeypatch.setattr(split_store, "ANSWER_WITHIN_S", 10.0)
    made = Worker(registry_url, "w1"), Worker(registry_url, "w2")
    for one in made:
        await one.rounds(3)
        assert {*one.store.taken()} == {*one.live}
    yield made
    for one in made:
        await one.keeper.close()


async def test_while_nothing_changes_only_those_with_news_are_asked_for(
    workers: tuple[Worker, Worker],
) -> None:
    worker, _ = workers
    await worker.rounds(3)
    assert worker.store.taken() == []
    worker.live["r3"].add(0, b"client", failed=True, took_s=0.1)
    worker.live["r30"].add(0, b"client", failed=True, took_s=0.1)  # nobody watches it
    await worker.rounds(3)
    assert worker.store.taken() == ["r3"]


async def test_a_change_of_another_worker_is_found_with_the_next_round(
    workers: tuple[Worker, Worker],
) -> None:
    one, other = workers
    await other.keeper.change("r99", lambda _live: [25.0, 75.0])
    await one.rounds(1)
    assert one.live["r99"].weights == (25.0, 75.0)
    assert len(one.store.taken()) == MANY
    await one.rounds(1)
    assert one.store.taken() == []


async def test_states_that_the_registry_has_lost_are_there_again_after_a_round(
    workers: tuple[Worker, Worker], registry_url: str
) -> None:
    one, other = workers
    await one.keeper.change("r99", lambda _live: [25.0, 75.0])
    redis.Redis.from_url(registry_url).flushall()
    await one.rounds(1)
    late = Worker(registry_url, "w3")
    await late.rounds(1)
    assert late.live["r99"].weights == (25.0, 75.0)
    await other.rounds(1)
    assert other.live["r99"].weights == (25.0, 75.0)
    await late.keeper.close()
