"""A changed file is put in force whole, or not at all, and the log says what is different or wrong."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from discovery.base.steps import Steps
from discovery.base.tasks import end
from gateway.worker.configuration import reloading
from gateway.worker.configuration.drafts import Draft
from gateway.worker.configuration.reloading import (
    Configuration,
    ConfigurationRejected,
    Means,
    Origin,
    Reloaded,
    Result,
)
from tests.support.eventually import eventually


class World:
    """A file whose configuration is its words; `wrong` in it is a mistake."""

    def __init__(self, path: Path) -> None:
        path.write_text("a")
        self.path = path
        self.taken_over: list[frozenset[str]] = []
        self.changed = asyncio.Event()
        means = Means(
            read=self.read, differences=self.differences, put_in_force=self.put_in_force, parts=list
        )
        self.configuration = Configuration(path, frozenset(["a"]), Origin(b"a"), means)

    def read(self, content: bytes) -> Steps[Draft[frozenset[str]]]:
        yield
        words = frozenset(content.decode().split())
        if "wrong" in words:
            raise ConfigurationRejected(["f:1:1: there is no word wrong"])

        def finish(_: object) -> Steps[frozenset[str]]:
            yield
            return words

        return Draft(finish)

    def differences(self, before: frozenset[str], after: frozenset[str]) -> Steps[Sequence[str]]:
        yield
        return sorted(f"{word} is new" for word in after - before)

    def put_in_force(self, words: frozenset[str]) -> Steps[None]:
        yield
        self.taken_over.append(words)
        self.changed.set()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.configuration.watch())
        try:
            yield
        finally:
            await end(task)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reloading, "LOOK_EVERY_S", 0.01)
    return World(tmp_path / "lockgate.yaml")


async def test_a_changed_file_is_put_in_force(world: World) -> None:
    world.path.write_text("a b c")
    with capture_logs() as logs:
        reloaded = await world.configuration.reload("asked")
    assert reloaded == Reloaded(Result.CHANGED, differences=("b is new", "c is new"))
    assert world.taken_over == [{"a", "b", "c"}]
    (event,) = logs
    assert (event["event"], event["log_level"]) == ("config.changed", "info")
    assert event["differences"] == ("b is new", "c is new")


async def test_a_file_with_a_mistake_changes_nothing(world: World) -> None:
    world.path.write_text("a wrong")
    with capture_logs() as logs:
        reloaded = await world.configuration.reload("asked")
    assert reloaded == Reloaded(Result.REJECTED, mistakes=("f:1:1: there is no word wrong",))
    assert world.taken_over == []
    assert world.configuration.in_force == {"a"}
    assert not world.configuration.is_current
    (event,) = logs
    assert (event["event"], event["log_level"]) == ("config.rejected", "error")

    world.path.write_text("a")  # as it was
    assert (await world.configuration.reload("asked")).result is Result.UNCHANGED
    assert world.configuration.is_current


async def test_a_file_that_has_gone_changes_nothing(world: World) -> None:
    world.path.unlink()
    reloaded = await world.configuration.reload("asked")
    assert reloaded.mistakes == (f"{world.path}: it can't be read: No such file or directory",)
    assert world.configuration.in_force == {"a"}


async def test_a_pipe_in_place_of_the_file_is_not_waited_for(world: World) -> None:
    """Its reload never ended, nor did any after it, and the gateway could not be stopped."""
    world.path.unlink()
    os.mkfifo(world.path)
    reloaded = await world.configuration.reload("asked")
    assert reloaded.mistakes == (f"{world.path}: it can't be read: it is no regular file",)
    assert world.configuration.in_force == {"a"}


async def test_the_same_meaning_in_other_bytes_is_no_change(world: World) -> None:
    world.path.write_text("  a ")
    assert (await world.configuration.reload("asked")) == Reloaded(Result.UNCHANGED)


def _write(world: World) -> None:
    world.path.write_text("a b")


def _replace(world: World) -> None:
    other = world.path.with_name("other")
    other.write_text("a b")
    os.replace(other, world.path)


def _link_anew(world: World) -> None:
    """As Kubernetes does: the file is a link through a folder's link, which is replaced."""
    folder = world.path.parent
    (folder / "2").mkdir()
    (folder / "2" / "lockgate.yaml").write_text("a b")
    (folder / "data.new").symlink_to("2")
    os.replace(folder / "data.new", folder / "data")


@pytest.mark.parametrize("change", [_write, _replace, _link_anew])
async def test_a_change_is_seen(world: World, change: Callable[[World], None]) -> None:
    folder = world.path.parent
    if change is _link_anew:
        (folder / "1").mkdir()
        world.path.rename(folder / "1" / "lockgate.yaml")
        (folder / "data").symlink_to("1")
        world.path.symlink_to(Path("data", "lockgate.yaml"))
    async with world.watched():
        await asyncio.sleep(0)
        change(world)
        await world.changed.wait()
    assert world.taken_over == [{"a", "b"}]


async def test_a_file_that_is_away_for_a_moment_is_no_change(world: World) -> None:
    async with world.watched():
        await asyncio.sleep(0)
        with capture_logs() as logs:
            world.path.unlink()
            looked = asyncio.Event()
            asyncio.get_running_loop().call_later(0.03, looked.set)
            await looked.wait()
            assert logs == []
            world.path.write_text("a b")
            await world.changed.wait()
    assert world.taken_over == [{"a", "b"}]


async def test_a_file_that_stays_away_is_told_once(
    world: World,
) -> None:
    """Nobody was told until the next reload was asked for, when the gateway no longer had its file."""
    async with world.watched():
        await asyncio.sleep(0)
        with capture_logs() as logs:
            world.path.unlink()
            await eventually(lambda: logs)
            looked = asyncio.Event()
            asyncio.get_running_loop().call_later(0.2, looked.set)
            await looked.wait()
        (event,) = logs
        assert (event["event"], event["why"]) == ("config.rejected", "the file is gone")
        assert not world.configuration.is_current
        world.path.write_text("a")
        await eventually(lambda: world.configuration.is_current)
    assert world.taken_over == []


async def test_reloads_come_one_after_the_other(world: World) -> None:
    world.path.write_text("a b")
    both = await asyncio.gather(*(world.configuration.reload("asked") for _ in range(2)))
    assert [one.result for one in both] == [Result.CHANGED, Result.UNCHANGED]
    assert len(world.taken_over) == 1


async def test_a_change_between_the_start_and_the_first_look_is_seen(world: World) -> None:
    world.path.write_text("a b")
    async with world.watched():
        await world.changed.wait()
    assert world.taken_over == [{"a", "b"}]


async def test_a_file_that_is_back_is_no_longer_refused(world: World) -> None:
    away = world.path.with_name("away")
    async with world.watched():
        os.replace(world.path, away)
        await world.configuration.reload("asked")
        assert not world.configuration.is_current
        os.replace(away, world.path)
        await eventually(lambda: world.configuration.is_current)
    assert world.taken_over == []
