"""Discovery as a whole against its model: any sequence of events, including the loss of the registry's data.

The scripts run on a real server and are compared with their twin. Two watchers follow through a gate
that can be shut. Whatever they miss meanwhile, their views end up equal to the registry.
"""

import asyncio
import random
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from bench.chaos.slow_proxy import SlowProxy
from discovery.base.tasks import end
from discovery.model.instance import Instance
from discovery.model.settings import RegistrySettings
from discovery.store import scripts
from discovery.view import watcher
from discovery.view.watcher import Watcher
from tests.redis.registry_twin import RegistryTwin
from tests.redis.test_scripts_against_twin import HOUR_S, Registry, RegistryAgainstTwin, instance
from tests.support.eventually import eventually
from tests.support.registry_servers import RegistryServer

T = TypeVar("T")

CONVERGES_WITHIN_S = 5.0


class LoopThread:
    """An event loop that runs beside the test, so that watchers follow while steps are taken."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        self.run(self._settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _settle(self) -> None:
        """Let the loop close the sockets that were accepted or aborted last."""
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        await asyncio.get_running_loop().shutdown_asyncgens()
        await asyncio.sleep(0)


class Watching:
    """Two watchers behind one gate."""

    def __init__(self, server_port: int) -> None:
        self._gate = SlowProxy(server_port)
        self._settings = RegistrySettings(f"redis://127.0.0.1:{self._gate.port}/0")
        self._tasks: list[asyncio.Task[None]] = []
        self.watchers: list[Watcher] = []
        self.open = False

    async def open_gate(self) -> None:
        await self._gate.start()
        self.open = True

    async def shut_gate(self) -> None:
        """End all connections and accept no new one."""
        await self._gate.stop()
        self.open = False

    async def start(self) -> None:
        await self.open_gate()
        self.watchers = [Watcher(self._settings) for _ in range(2)]
        self._tasks = [asyncio.create_task(one.run()) for one in self.watchers]

    async def stop(self) -> None:
        await end(*self._tasks)
        await self.shut_gate()


class ModelTwin(RegistryTwin):
    """The twin, which also knows the instances that were drained before they went."""

    def __init__(self) -> None:
        super().__init__()
        self.drained_away: set[str] = set()

    def register(self, instance: Instance) -> bool:
        self.drained_away.discard(instance.key)
        return super().register(instance)

    def _forget(self, key: str) -> None:
        if self.instances[key].draining:
            self.drained_away.add(key)
        super()._forget(key)


class DiscoveryAgainstModel(RegistryAgainstTwin):
    """Runs every script, loses the registry's data, and cuts watchers off."""

    twin: ModelTwin

    def __init__(self, server: RegistryServer, registry: Registry, thread: LoopThread) -> None:
        super().__init__(registry)
        self.server = server
        self.thread = thread
        self.watching = Watching(server.port)
        self.twin = ModelTwin()

    @initialize()
    def watch(self) -> None:
        self.thread.run(self.watching.start())

    @precondition(lambda self: self.watching.open)
    @rule()
    def the_watchers_are_cut_off(self) -> None:
        self.thread.run(self.watching.shut_gate())

    @precondition(lambda self: not self.watching.open)
    @rule()
    def the_watchers_come_back(self) -> None:
        self.thread.run(self.watching.open_gate())

    @rule()
    def the_data_are_lost(self) -> None:
        self.registry.client.flushall()
        self._begin_anew()

    @rule()
    def the_server_dies_and_comes_back_empty(self) -> None:
        self.server.kill()
        self.server.start()
        self._begin_anew()

    @precondition(lambda self: self.watching.open)
    @rule()
    def the_views_come_to_what_the_registry_says(self) -> None:
        until_s = time.monotonic() + CONVERGES_WITHIN_S
        for one in self.watching.watchers:
            while (one.view.epoch, one.view.revision) != (self.epoch, self.twin.revision):
                assert time.monotonic() < until_s, "a view does not come up with the registry"
                time.sleep(0.001)
            entries = list(one.view.entries())
            assert {
                entry.key: (entry.instance, entry.draining, entry.status)
                for entry in entries
                if entry.absent is None
            } == {
                key: (there.instance, there.draining, there.status)
                for key, there in self.twin.instances.items()
            }
            kept = {entry.key for entry in entries if entry.absent is not None}
            assert not kept & self.twin.removed, "removed on purpose, and kept"
            assert not kept & self.twin.drained_away, "drained, and kept"
            assert all(map(one.view.is_known, self.twin.known))

    def teardown(self) -> None:
        if not self.watching.watchers:
            return
        if not self.watching.open:
            self.thread.run(self.watching.open_gate())
        try:
            if self.epoch:  # else it ended between the two steps that initialize it
                self.the_views_come_to_what_the_registry_says()
        finally:
            self.thread.run(self.watching.stop())

    def _begin_anew(self) -> None:
        self.twin = ModelTwin()
        self.epoch = self.registry.call(scripts.snapshot()).epoch


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.mark.timeout(120)
def test_views_always_come_to_what_the_registry_says(
    own_registry: RegistryServer, thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A loss of data without an event is noticed when a read has waited in vain.
    monkeypatch.setattr(watcher, "READ_WAIT_S", 0.05)
    # Hypothesis manages the module's generator, so a thread must not draw from it.
    monkeypatch.setattr(watcher, "random", random.Random(0))
    registry = Registry(own_registry.url)
    run_state_machine_as_test(
        lambda: DiscoveryAgainstModel(own_registry, registry, thread),  # type: ignore[arg-type]
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    registry.client.close()


async def test_what_was_drained_and_lapsed_while_a_watcher_was_cut_off_is_not_taken_for_lost(
    own_registry: RegistryServer,
) -> None:
    """A draining instance must get no more requests; as a lost instance it would get them again."""
    registry, watching = Registry(own_registry.url), Watching(own_registry.port)
    await watching.start()
    try:
        registry.call(scripts.register(instance()))
        for one in watching.watchers:
            await eventually(lambda one=one: one.view.is_registered("price"))
        await watching.shut_gate()
        registry.call(scripts.drain("price/a"))
        registry.lapse("price/a")
        registry.call(scripts.sweep("g1", HOUR_S, HOUR_S))
        await watching.open_gate()
        for one in watching.watchers:
            await eventually(lambda one=one: one.view.revision == 3)
            assert not list(one.view.entries())
    finally:
        await watching.stop()
        registry.client.close()
