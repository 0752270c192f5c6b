"""Purges hold in all workers within a second, in one that was cut off too."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import redis.asyncio

from middlewares.cache.purging import everywhere, purging
from middlewares.cache.purging.everywhere import CONFIRMED_WITHIN_S, Purged
from middlewares.cache.stores.store import Purge
from tests.support.eventually import eventually
from tests.support.limiters import Clock
from tests.support.purging import (
    ONE,
    PURGE_ONE,
    TWO,
    Shared,
    entry,
    keep,
    one_gone,
    worker,
)


class SlowlyShared(Shared):
    """Is purged once it may `go` on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def purge(self, purges: Sequence[Purge]) -> int:
        self.begun.set()
        await self.go.wait()
        return await super().purge(purges)


def test_a_worker_asks_several_times_within_the_second_that_a_purge_may_take() -> None:
    assert purging.ASKED_EVERY_S * 3 < 1
    assert CONFIRMED_WITHIN_S <= 1


async def test_a_purge_is_done_in_every_worker_once_it_has_returned(registry_url: str) -> None:
    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(worker(registry_url, f"w{number}"))
            for number in range(4)
        ]
        keep(*workers)
        assert await workers[0].purging.purge([PURGE_ONE]) == Purged(4)
        assert [one.kept.urls() for one in workers] == [[TWO]] * 4
        assert await workers[3].purging.purge([Purge("tag", b"tag")]) == Purged(4)
        assert [one.kept.urls() for one in workers] == [[]] * 4
        assert await workers[1].purging.purge([PURGE_ONE]) == Purged(0)


async def test_a_soft_purge_is_soft_in_every_worker(registry_url: str) -> None:
    async with worker(registry_url, "a") as a, worker(registry_url, "b") as b:
        keep(a, b)
        assert await a.purging.purge([Purge("prefix", b"/2", soft=True)]) == Purged(2)
        assert [one.is_stale for one in b.kept.entries] == [False, True]


async def test_an_invalidation_holds_here_at_once_and_elsewhere_soon(registry_url: str) -> None:
    async with worker(registry_url, "a") as a, worker(registry_url, "b") as b:
        keep(a, b)
        a.purging.invalidate([ONE])
        assert a.kept.urls() == [TWO]
        await one_gone(b)


async def test_an_invalidation_takes_what_is_shared_too(registry_url: str) -> None:
    shared = Shared()
    async with worker(registry_url, "a", shared) as a:
        shared.kept.entries = [entry(ONE), entry(TWO)]
        a.purging.invalidate([ONE])
        await eventually(lambda: shared.kept.urls() == [TWO])


async def test_what_is_shared_is_purged_as_soon_as_it_can_be(registry_url: str) -> None:
    shared = Shared()
    async with worker(registry_url, "a", shared) as a:
        shared.kept.entries = [entry(ONE), entry(TWO)]
        shared.is_away = True
        assert await a.purging.purge([PURGE_ONE]) == Purged(0, untold="it is away")
        a.purging.invalidate([TWO])
        await a.after_rounds()
        assert shared.kept.urls() == [ONE, TWO]
        shared.is_away = False
        await eventually(lambda: not shared.kept.urls())
        assert await a.purging.purge([PURGE_ONE]) == Purged(0)


async def test_an_answer_under_way_in_any_worker_is_not_kept_after_the_purge(
    registry_url: str,
) -> None:
    async with worker(registry_url, "a") as a, worker(registry_url, "b") as b:
        before = [one.purging.revision for one in (a, b)]
        await a.purging.purge([PURGE_ONE])
        for one, since in zip((a, b), before, strict=True):
            assert one.purging.took(entry(ONE), since)
            assert not one.purging.took(entry(TWO), since)
            assert not one.purging.took(entry(ONE), one.purging.revision)


async def test_what_another_worker_shares_before_it_has_heard_of_the_purge_goes_too(
    registry_url: str,
) -> None:
    shared = Shared()
    async with worker(registry_url, "a", shared) as a, worker(registry_url, "b", shared) as b:
        purge_before = b.kept.purging

        def late(purges):  # type: ignore[no-untyped-def]
            # The last moment at which b's own answer, from before the purge, may become shared.
            shared.kept.entries.append(entry(ONE))
            return purge_before(purges)

        b.kept.purging = late  # type: ignore[method-assign]
        await a.purging.purge([PURGE_ONE])
        assert shared.kept.urls() == []


async def test_what_workers_took_from_there_meanwhile_goes_too(registry_url: str) -> None:
    shared = Shared()
    async with worker(registry_url, "a", shared) as a, worker(registry_url, "b", shared) as b:
        a.purging.shares_answers = True
        purges_before = a.purging.revision
        share = shared.purge

        async def late(purges):  # type: ignore[no-untyped-def]
            # A third worker has shared its answer late, and b has taken it over.
            if not b.kept.entries and a.purging.revision == purges_before + 1:
                b.kept.entries = [entry(ONE)]
            return await share(purges)

        shared.purge = late  # type: ignore[method-assign]
        await a.purging.purge([PURGE_ONE])
        assert b.kept.urls() == []
        assert a.purging.revision == purges_before + 2


async def test_an_invalidation_too_is_done_again_once_all_have_heard_of_it(
    registry_url: str,
) -> None:
    shared = Shared()
    async with worker(registry_url, "a", shared) as a, worker(registry_url, "b", shared) as b:
        a.purging.shares_answers = True
        heard = b.purging.revision
        a.purging.invalidate([ONE])
        await eventually(lambda: b.purging.revision > heard)
        for kept in (shared.kept, a.kept, b.kept):
            kept.entries = [entry(ONE), entry(TWO)]
        await one_gone(a, b)
        assert shared.kept.urls() == [TWO]


async def test_a_purge_does_not_wait_for_a_worker_that_has_left(registry_url: str) -> None:
    async with worker(registry_url, "a") as a:
        async with worker(registry_url, "b"):
            assert await a.purging.purge([PURGE_ONE]) == Purged(0)
        assert await a.purging.purge([PURGE_ONE]) == Purged(0)


async def test_a_caller_that_leaves_ends_no_purge(registry_url: str) -> None:
    async with worker(registry_url, "a") as a, worker(registry_url, "b") as b:
        keep(a, b)
        asking = asyncio.create_task(a.purging.purge([PURGE_ONE]))
        await asyncio.sleep(0)
        asking.cancel()
        await one_gone(a, b)


async def test_nobody_is_missed_while_what_is_shared_takes_long_to_purge(registry_url: str) -> None:
    shared, clock = SlowlyShared(), Clock()
    async with (
        worker(registry_url, "a", shared, clock) as a,
        worker(registry_url, "b", shared) as b,
        redis.asyncio.Redis.from_url(registry_url) as client,
    ):
        shared.kept.entries = [entry(ONE)]
        keep(a, b)
        asking = asyncio.create_task(a.purging.purge([PURGE_ONE]))

        async def is_confirmed() -> bool:
            return bool([key async for key in client.scan_iter("*:cache:purges:confirmed:*")])

        await eventually(is_confirmed)
        clock.now_s += everywhere.CONFIRMED_WITHIN_S
        shared.go.set()
        assert await asking == Purged(3)


async def test_a_worker_follows_the_others_while_it_purges_what_is_shared(
    registry_url: str,
) -> None:
    shared = SlowlyShared()
    async with worker(registry_url, "a", shared) as a, worker(registry_url, "b") as b:
        a.purging.invalidate([b"http://a.example/other"])
        await shared.begun.wait()
        keep(a, b)
        await b.purging.purge([PURGE_ONE])
        await one_gone(a, b)
        shared.go.set()
        await eventually(lambda: not a.purging.describe()["untold"])
