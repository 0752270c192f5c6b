"""One worker's part in reloads of all: it takes what its siblings have, or does not serve."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from discovery.base.steps import Steps
from gateway.worker.configuration.drafts import Draft
from gateway.worker.configuration.kept import KeptFile
from gateway.worker.configuration.reloading import (
    Configuration,
    ConfigurationRejected,
    Means,
    Origin,
)
from gateway.worker.configuration.together import ENDED, TOO_LATE, Together

MISTAKE = "f:1:1: there is no word wrong"


def digest(content: bytes) -> str:
    return Origin(content).digest


class Siblings:
    """The siblings have `digests` in force; a reload that is asked for ends at once."""

    id, kept, members, replaced = "1", {}, (), False

    def __init__(self, *digests: str) -> None:
        self.digests = digests
        self.reloads: list[str] = []
        self.answering: dict[str, Any] = {}
        self.hearing: dict[str, Callable[[str, Any], None]] = {}
        self.keeps: dict[str, Any] = {}

    def answers(self, topic: str, answer: Any) -> None:
        self.answering[topic] = answer

    def hears(self, topic: str, taken: Callable[[str, Any], None]) -> None:
        self.hearing[topic] = taken

    def keep(self, name: str, value: Any) -> None:
        self.keeps[name] = value

    async def ask(self, _topic: str) -> dict[str, Any]:
        return {str(number): {"digest": one} for number, one in enumerate(self.digests, 2)}

    async def ask_master(self, topic: str, body: Any, within_s: float) -> Any:
        assert topic == "reload"
        assert within_s > 2
        self.reloads.append(body["why"])
        self.hearing[ENDED]("master", {"number": 1, "result": "unchanged"})
        return {"number": 1}


class World:
    """A worker that began with a file whose content was `a`."""

    def __init__(self, path: Path, siblings: Siblings) -> None:
        path.write_text("a")
        self.path = path
        self.siblings = siblings
        self.taken: list[bytes] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        means = Means(
            read=self.read, differences=self.differences, put_in_force=self.put_in_force, parts=list
        )
        configuration = Configuration(path, b"a", Origin(b"a"), means)
        self.configuration = configuration
        self.together = Together(siblings, configuration, KeptFile(b"a", ()))  # type: ignore[arg-type]

    def read(self, content: bytes) -> Steps[Draft[bytes]]:
        yield
        if content == b"wrong":
            raise ConfigurationRejected([MISTAKE])

        def finish(_: object) -> Steps[bytes]:
            while not self.may_go_on.is_set():
                yield
            return content

        return Draft(finish)

    def differences(self, before: bytes, after: bytes) -> Steps[Sequence[str]]:
        yield
        return [f"{before!r} is {after!r}"]

    def put_in_force(self, content: bytes) -> Steps[None]:
        yield
        self.taken.append(content)

    async def asked(self, topic: str, **said: Any) -> Any:
        return await self.siblings.answering[f"reload.{topic}"](said)


async def test_a_worker_that_has_the_file_of_its_siblings_serves(tmp_path: Path) -> None:
    world = World(tmp_path / "f", Siblings(digest(b"a"), digest(b"a")))
    assert await world.together.agree() == ()
    assert world.siblings.reloads == []


async def test_it_takes_the_file_that_its_siblings_have_taken_while_it_started(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "f", Siblings(digest(b"b")))
    world.path.write_text("b")
    assert await world.together.agree() == ()
    assert world.taken == [b"b"]
    await world.together.joined()
    assert world.siblings.keeps["config"] == KeptFile(b"b", ()).as_json()


async def test_it_does_not_serve_an_old_file_where_the_one_that_is_there_now_is_broken(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "f", Siblings(digest(b"b")))
    world.path.write_text("wrong")
    assert await world.together.agree() == (MISTAKE,)
    assert world.taken == []


async def test_a_file_that_only_this_release_understands_keeps_no_worker_from_serving(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "f", Siblings(digest(b"of the release before")))
    assert await world.together.agree() == ()
    assert len(world.siblings.reloads) == 1


@pytest.mark.parametrize("topic", ["abort", "prepare"])
async def test_what_was_prepared_too_late_is_never_taken(tmp_path: Path, topic: str) -> None:
    world = World(tmp_path / "f", Siblings())
    world.path.write_text("b")
    world.may_go_on.clear()
    late = asyncio.create_task(world.asked("prepare"))
    await asyncio.sleep(0.05)
    world.path.write_text("c")
    other = asyncio.create_task(world.asked(topic, again=True))
    await asyncio.sleep(0)
    world.may_go_on.set()
    assert await late == {"ok": False, "mistakes": [TOO_LATE]}
    assert (await other)["ok"]
    said = {"result": "changed", "why": "asked for", "at_s": 1.0, "tells": False}
    assert await world.asked("commit", **said) == {"ok": topic == "prepare"}
    assert world.taken == ([b"c"] if topic == "prepare" else [])
