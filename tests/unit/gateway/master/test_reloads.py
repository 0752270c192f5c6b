"""The two steps of a reload: all workers prepare, then all take the file or all drop it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.master import reloads
from gateway.master.agreement import DIFFERENT
from gateway.master.notify import ServiceManager
from gateway.master.reloads import NO_FILE, NOBODY, Reloads

Body = dict[str, Any]
ABLE: Body = {"ok": True, "digest": "d", "result": "changed", "differences": ["r is new"]}


class Channel:
    def __init__(self, received: Callable[[Body], None]) -> None:
        self.send = received


class Worker:
    """Answers at once, by topic; None: it says nothing."""

    def __init__(self, master: "Master", pid: int, answers: dict[str, Any]) -> None:
        self.slot = self.pid = pid
        self.id = str(pid)
        self.exit_status: int | None = None
        self.killed = ""
        self.asked: list[tuple[str, Body]] = []
        self.ended: list[Body] = []
        self._master, self._answers = master, answers
        self.channel = Channel(self._received)

    def kill(self, why: str) -> None:
        self.killed = why

    def _received(self, message: Body) -> None:
        if message["kind"] == "said":
            self.ended.append(message["body"])
            return
        topic = message["topic"].removeprefix("reload.")
        self.asked.append((topic, message["body"]))
        body = self._answers.get(topic, {"ok": True})
        if isinstance(body, list):
            body = body.pop(0)
        if body is not None:
            answer = {"id": message["id"], "body": body}
            asyncio.get_running_loop().call_soon(self._master.reloads.answered, self, answer)


class Master:
    """As much of a master as a reload needs."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.workers = [Worker(self, pid, one) for pid, one in enumerate(answers, 1)]
        self.log = self
        self.manager = ServiceManager({})
        self.status = "all workers serve"
        self.warned: list[Body] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.reloads = Reloads(self)  # type: ignore[arg-type]

    def serving(self) -> list[Worker]:
        return self.workers

    def in_background(self, task: asyncio.Task[Any]) -> None:
        self.tasks.append(task)

    def warning(self, event: str, **members: Any) -> None:
        self.warned.append({"event": event, **members})

    async def reload(self) -> Body:
        self.reloads.begin("asked for")
        async with asyncio.timeout(5):
            await asyncio.gather(*self.tasks)
        return self.reloads.state()


def topics(worker: Worker) -> list[str]:
    return [topic for topic, _ in worker.asked]


async def test_all_take_what_all_can_take_and_one_tells_of_it() -> None:
    master = Master({"prepare": ABLE}, {"prepare": ABLE})
    ended = await master.reload()
    assert (ended["number"], ended["result"]) == (1, "changed")
    one, two = master.workers
    assert topics(one) == topics(two) == ["prepare", "commit"]
    assert [body["tells"] for _, body in (one.asked[1], two.asked[1])] == [True, False]
    assert one.asked[1][1]["at_s"] == two.asked[1][1]["at_s"]
    assert one.ended == two.ended == [ended]


async def test_all_drop_what_one_can_not_take() -> None:
    master = Master({"prepare": ABLE}, {"prepare": {"ok": False, "mistakes": ["no memory"]}})
    ended = await master.reload()
    assert ended["mistakes"] == ["worker 2 (pid 2): no memory"]
    for worker in master.workers:
        assert topics(worker) == ["prepare", "abort"]
        assert worker.asked[1][1]["mistakes"] == ended["mistakes"]


async def test_different_contents_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloads, "AGAIN_AFTER_S", 0)
    later = ABLE | {"digest": "e"}
    master = Master({"prepare": [ABLE, later]}, {"prepare": later})
    assert (await master.reload())["digest"] == "e"
    assert topics(master.workers[0]) == ["prepare", "abort", "prepare", "commit"]
    assert master.workers[0].asked[1][1]["again"]


async def test_contents_that_stay_different_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloads, "AGAIN_AFTER_S", 0)
    master = Master({"prepare": ABLE}, {"prepare": ABLE | {"digest": "e"}})
    ended = await master.reload()
    assert (ended["result"], ended["mistakes"]) == ("rejected", [DIFFERENT])
    assert "commit" not in topics(master.workers[0])


async def test_a_worker_that_ends_meanwhile_is_not_waited_for() -> None:
    master = Master({"prepare": ABLE}, {"prepare": None})
    master.reloads.begin("asked for")
    await asyncio.sleep(0)
    master.reloads.ended(master.workers[1])  # type: ignore[arg-type]
    master.workers[1].exit_status = -9
    async with asyncio.timeout(5):
        await asyncio.gather(*master.tasks)
    assert master.reloads.state()["result"] == "changed"
    assert topics(master.workers[1]) == ["prepare"]


async def test_a_worker_that_does_not_answer_keeps_the_file_from_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reloads, "ANSWERED_WITHIN_S", 0.01)
    master = Master({"prepare": ABLE}, {"prepare": None})
    assert (await master.reload())["mistakes"] == ["worker 2 (pid 2): it did not answer in time"]


async def test_a_worker_that_does_not_take_what_it_has_prepared_is_ended() -> None:
    master = Master({"prepare": ABLE}, {"prepare": ABLE, "commit": {"ok": False}})
    assert (await master.reload())["result"] == "changed"
    assert [bool(worker.killed) for worker in master.workers] == [False, True]


async def test_what_is_asked_meanwhile_follows_once() -> None:
    master = Master({"prepare": ABLE})
    numbers = [master.reloads.begin(why)["number"] for why in ("a", "b", "c")]
    assert numbers == [1, 2, 2]
    assert master.reloads.busy
    await asyncio.gather(*master.tasks)
    assert topics(master.workers[0]) == ["prepare", "commit"] * 2
    assert master.reloads.handed_on()["number"] == 2
    assert not master.reloads.busy


async def test_workers_without_a_file_are_not_asked_further() -> None:
    master = Master({"prepare": {}}, {"prepare": {}})
    assert (await master.reload())["result"] == "unchanged"
    assert topics(master.workers[0]) == ["prepare"]
    assert master.warned == [{"event": "signal.ignored", "detail": NO_FILE}]


async def test_where_no_worker_serves_nothing_was_reloaded() -> None:
    master = Master()
    ended = await master.reload()
    assert (ended["result"], ended["mistakes"]) == ("rejected", [NOBODY])
    assert master.warned == [{"event": "signal.ignored", "detail": NOBODY}]
