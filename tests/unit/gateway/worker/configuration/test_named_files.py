"""A change of a file that the configuration file names is a reload, and a broken one changes nothing."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from discovery.base.steps import Steps
from discovery.base.tasks import end
from gateway.config.file.held_files import Held
from gateway.worker.configuration import reloading
from gateway.worker.configuration.drafts import Draft, NamedFiles
from gateway.worker.configuration.reloading import (
    Configuration,
    ConfigurationRejected,
    Means,
    Origin,
    Result,
)
from tests.support.eventually import eventually


class World:
    """A file that names other files; its configuration is what these hold. `wrong` in one is a mistake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "lockgate.yaml"
        self.path.write_text("one")
        (folder / "one").write_text("1")
        self.taken_over: list[bytes] = []
        self.read_times = 0
        self.while_reading: Callable[[], object] = lambda: None
        means = Means(
            read=self.read,
            differences=self.differences,
            put_in_force=self.put_in_force,
            parts=lambda _: (),
        )
        named = self.named(b"one")
        held = tuple(one.without_data() for one in named.hold())
        self.configuration = Configuration(self.path, b"1", Origin(b"one", named, held), means)

    def named(self, content: bytes) -> NamedFiles:
        paths = tuple(self.folder / name for name in content.decode().split())
        return NamedFiles(paths, lambda: tuple(map(_held, paths)))

    def read(self, content: bytes) -> Steps[Draft[bytes]]:
        yield
        self.read_times += 1
        self.while_reading()
        if content == b"a mistake":
            raise ConfigurationRejected(["the file has a mistake"])

        def finish(held: Sequence[Held]) -> Steps[bytes]:
            yield
            mistakes = [one.problem for one in held if one.problem]
            mistakes += ["it is wrong" for one in held if one.data == b"wrong"]
            if mistakes:
                raise ConfigurationRejected(mistakes)
            return b" ".join(one.data for one in held)

        return Draft(finish, self.named(content))

    def differences(self, before: bytes, after: bytes) -> Steps[Sequence[str]]:
        yield
        return [f"{before!r} → {after!r}"]

    def put_in_force(self, data: bytes) -> Steps[None]:
        yield
        self.taken_over.append(data)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.configuration.watch())
        try:
            yield
        finally:
            await end(task)


def _held(path: Path) -> Held:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Held(b"", f"{path.name}: {error.strerror}")
    return Held(sha256(data).digest(), data=data)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reloading, "LOOK_EVERY_S", 0.01)
    return World(tmp_path)


async def test_a_reload_reads_them_although_the_file_is_the_same(world: World) -> None:
    assert (await world.configuration.reload("asked")).result is Result.UNCHANGED
    assert world.read_times == 0
    (world.folder / "one").write_text("2")
    assert (await world.configuration.reload("asked")).result is Result.CHANGED
    assert world.taken_over == [b"2"]
    assert (await world.configuration.reload("asked")).result is Result.UNCHANGED


async def test_a_change_of_one_is_seen(world: World) -> None:
    async with world.watched():
        (world.folder / "one").write_text("2")
        await eventually(lambda: world.taken_over)
    assert world.taken_over == [b"2"]


async def test_a_replaced_link_is_seen(world: World) -> None:
    """As Kubernetes does: the file is a link through a folder's link, which is replaced."""
    for name in ("1", "2"):
        (world.folder / name).mkdir()
        (world.folder / name / "one").write_text(name)
    (world.folder / "data").symlink_to("1")
    (world.folder / "one").unlink()
    (world.folder / "one").symlink_to(Path("data", "one"))
    async with world.watched():
        (world.folder / "data.new").symlink_to("2")
        os.replace(world.folder / "data.new", world.folder / "data")
        await eventually(lambda: world.taken_over)
    assert world.taken_over == [b"2"]


async def test_one_that_is_named_since_a_reload_is_watched(world: World) -> None:
    (world.folder / "two").write_text("2")
    async with world.watched():
        world.path.write_text("one two")
        await eventually(lambda: world.taken_over)
        (world.folder / "two").write_text("3")
        await eventually(lambda: len(world.taken_over) > 1)
    assert world.taken_over == [b"1 2", b"1 3"]


async def test_a_broken_one_changes_nothing_until_it_is_right(world: World) -> None:
    await world.configuration.reload("asked")
    async with world.watched():
        with capture_logs() as logs:
            (world.folder / "one").write_text("wrong")
            await eventually(lambda: logs)
        (event,) = logs
        assert (event["event"], event["why"]) == (
            "config.rejected",
            "a file that it names has changed",
        )
        assert world.configuration.mistakes == ("it is wrong",)
        assert world.configuration.in_force == b"1"
        (world.folder / "one").write_text("2")
        await eventually(lambda: world.configuration.is_current)
    assert world.taken_over == [b"2"]


async def test_one_that_is_back_as_it_was_is_no_longer_refused(world: World) -> None:
    (world.folder / "one").write_text("wrong")
    assert (await world.configuration.reload("asked")).result is Result.REJECTED
    async with world.watched():
        (world.folder / "one").write_text("1")
        await eventually(lambda: world.configuration.is_current)
    assert world.taken_over == []


async def test_one_that_stays_away_is_told_once(world: World) -> None:
    await world.configuration.reload("asked")
    async with world.watched():
        with capture_logs() as logs:
            (world.folder / "one").unlink()
            await eventually(lambda: logs)
            reads = world.read_times
            looked = asyncio.Event()
            asyncio.get_running_loop().call_later(0.2, looked.set)
            await looked.wait()
        (event,) = logs
        assert (event["event"], event["why"]) == ("config.rejected", "a file that it names is gone")
        assert world.read_times == reads
        (world.folder / "one").write_text("2")
        await eventually(lambda: world.taken_over)
    assert world.configuration.is_current


@pytest.mark.parametrize("content", ["a mistake", "one none"])
async def test_beside_a_mistake_they_are_not_read_again_and_again(
    world: World, content: str
) -> None:
    world.path.write_text(content)
    (world.folder / "one").write_text("2")
    async with world.watched():
        with capture_logs() as logs:
            await eventually(lambda: logs)
            looked = asyncio.Event()
            asyncio.get_running_loop().call_later(0.2, looked.set)
            await looked.wait()
        assert [one["event"] for one in logs] == ["config.rejected"]
    assert world.configuration.in_force == b"1"


@pytest.mark.parametrize("name", ["lockgate.yaml", "two"])
async def test_a_change_while_the_file_is_read_is_seen(world: World, name: str) -> None:
    (world.folder / "two").write_text("2")

    def change() -> None:
        world.while_reading = lambda: None
        (world.folder / name).write_text({"lockgate.yaml": "two", "two": "3"}[name])

    world.while_reading = change
    async with world.watched():
        world.path.write_text("one two")
        await eventually(lambda: world.taken_over)
        await eventually(
            lambda: world.taken_over[-1] == {"lockgate.yaml": b"2", "two": b"1 3"}[name]
        )
