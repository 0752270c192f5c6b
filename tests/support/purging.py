"""Workers that keep some entries, and purge them with all others."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from discovery.base.steps import Steps
from discovery.base.tasks import end
from discovery.model.errors import RegistryUnavailable
from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Entry, Freshness
from middlewares.cache.purging.purging import Purging
from middlewares.cache.stores.store import Purge
from tests.support.eventually import eventually

ONE, TWO = b"http://a.example/1", b"http://a.example/2"
PURGE_ONE = Purge("url", ONE)


def entry(url: bytes, *tags: bytes) -> Entry:
    return Entry(
        200, b"OK", (), (b"body",), 4, Freshness(0.0, 60.0), 0.0, url, tags=frozenset(tags)
    )


class KeptEntries:
    """A store in the plainest form."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = list(entries)

    def urls(self) -> list[bytes]:
        return [one.url for one in self.entries]

    def purge(self, purges: Iterable[Purge]) -> int:
        count = 0
        for purge in purges:
            taken = [one for one in self.entries if purge.takes(one)]
            self.entries = [one for one in self.entries if one not in taken]
            if purge.soft:
                self.entries += [replace(one, is_stale=True) for one in taken]
            count += len(taken)
        return count

    def purging(self, purges: Iterable[Purge]) -> Steps[int]:
        yield
        return self.purge(purges)


class Shared:
    """What all workers keep together."""

    def __init__(self) -> None:
        self.kept = KeptEntries()
        self.is_away = False

    async def purge(self, purges: Sequence[Purge]) -> int:
        if self.is_away:
            raise RegistryUnavailable("it is away")
        return self.kept.purge(purges)


class Worker:
    """One worker: what it keeps, and its Purging."""

    def __init__(
        self, url: str, name: str, shared: Shared | None, clock_s: Callable[[], float]
    ) -> None:
        self.kept = KeptEntries()
        self.shared = shared or Shared()
        self.purging = Purging(
            RegistrySettings(url),
            self.kept,
            worker=name,
            shared=lambda purges: self.shared.purge(purges),
            clock_s=clock_s,
        )

    async def after_rounds(self, rounds: int = 2) -> None:
        """Wait until it has asked the registry so often from now on."""
        until = self.purging.rounds + rounds
        await eventually(lambda: self.purging.rounds >= until)


@asynccontextmanager
async def worker(
    url: str,
    name: str,
    shared: Shared | None = None,
    clock_s: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Worker]:
    """A worker that follows the registry, once it has heard of it."""
    made = Worker(url, name, shared, clock_s)
    task = asyncio.create_task(made.purging.run())
    try:
        await made.after_rounds(1)
        yield made
    finally:
        await end(task)
        await made.purging.close()


def keep(*workers: Worker) -> None:
    """Let each keep both entries."""
    for one in workers:
        one.kept.entries = [entry(ONE), entry(TWO, b"tag")]


async def one_gone(*workers: Worker) -> None:
    """Wait until none of them keeps the first one, and all keep the second."""
    await eventually(lambda: all(one.kept.urls() == [TWO] for one in workers))


async def both_gone(*workers: Worker) -> None:
    await eventually(lambda: not any(one.kept.urls() for one in workers))
