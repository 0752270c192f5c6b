"""Reloads: all workers take the changed file, or none does."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from gateway.master.agreement import DIFFERENT, Answer, have_read_the_same, outcome, refusals
from gateway.master.wire import Message
from gateway.master.worker import Worker

if TYPE_CHECKING:
    from gateway.master.master import Master

ANSWERED_WITHIN_S = 50.0
#: Where workers have read different contents, it is tried again so often, after so long.
TRIES, AGAIN_AFTER_S = 5, 0.2
NOBODY = "no worker serves now"
NO_FILE = "GATEWAY_CONFIG names no file to reload"


class Reloads:
    """Asks each worker to prepare the file, then all to take it, or all to drop it."""

    def __init__(self, master: "Master", going_on: dict[str, Any] | None = None) -> None:
        said = going_on or {}
        self._master = master
        self._number: int = said.get("number", 0)
        self._last: dict[str, Any] = said.get("last", {})
        self._running = False
        self._again = ""
        self._questions = 0
        self._waiting: dict[tuple[str, int], asyncio.Future[Any]] = {}

    def begin(self, why: str) -> dict[str, Any]:
        """Begin a reload, or have one more follow the one that is under way; says its number."""
        if self._running:
            self._again = self._again or why
            return {"number": self._number + 1}
        self._running = True
        self._number += 1
        self._master.in_background(asyncio.create_task(self._run(why)))
        return {"number": self._number}

    @property
    def busy(self) -> bool:
        """Whether a reload is under way."""
        return self._running

    def state(self) -> dict[str, Any]:
        """The number of the last reload that ended, and how it ended."""
        return self._last

    def handed_on(self) -> dict[str, Any]:
        """What another master needs to go on."""
        return {"number": self._number, "last": self._last}

    def answered(self, worker: Worker, message: Message) -> None:
        future = self._waiting.pop((worker.id, message["id"]), None)
        if future is not None and not future.done():
            future.set_result(message["body"])

    def ended(self, worker: Worker) -> None:
        """The worker has ended: nobody waits for its answer any longer."""
        for who, number in list(self._waiting):
            if who == worker.id:
                self._waiting.pop((who, number)).cancel()

    async def _run(self, why: str) -> None:
        try:
            await self._reload(why)
            while self._again:
                why, self._again = self._again, ""
                self._number += 1
                await self._reload(why)
        finally:
            self._running = False

    async def _reload(self, why: str) -> None:
        about = {"number": self._number, "why": why}
        self._master.manager.reloading()
        for left in reversed(range(TRIES)):
            workers = self._master.serving()
            answers = await self._ask(workers, "reload.prepare", about)
            if not answers:
                self._master.log.warning("signal.ignored", detail=NOBODY)
                mistakes = [NOBODY]
                break
            if all(one.body == {} for one in answers):
                self._master.log.warning("signal.ignored", detail=NO_FILE)
                return self._end({"result": "unchanged", "differences": [], "mistakes": []})
            mistakes = refusals(answers)
            if mistakes or have_read_the_same(answers):
                break
            mistakes = [DIFFERENT]
            if left:
                await self._ask(workers, "reload.abort", about | {"again": True})
                await asyncio.sleep(AGAIN_AFTER_S)
        about["at_s"] = time.time()
        teller = workers[0].id if workers else ""  # one line in the log for all
        if mistakes:
            await self._ask(workers, "reload.abort", about | {"mistakes": mistakes}, teller)
            return self._end({"result": "rejected", "differences": [], "mistakes": mistakes})
        ended = outcome(answers)
        for one in await self._ask(workers, "reload.commit", about | ended, teller):
            if one.body is None or not one.body.get("ok"):
                self._kill(one.who)
        return self._end(ended)

    def _kill(self, who: str) -> None:
        """End a worker that could not take what it had prepared; the next begins with what is in force."""
        for worker in self._master.workers:
            if _name(worker) == who:
                worker.kill("it could not take the configuration that all others have")

    def _end(self, how: dict[str, Any]) -> None:
        """Tell all workers, one of which may have been asked for it."""
        told = " ".join((f"reload: {how['result']}", *how["mistakes"][:1]))
        self._master.manager.ready(f"{self._master.status}; {told}")
        self._last = {"number": self._number, **how}
        said = {"kind": "said", "from": "master", "topic": "reload.ended", "body": self._last}
        for worker in self._master.workers:
            worker.channel.send(said)

    async def _ask(
        self, workers: list[Worker], topic: str, body: dict[str, Any], teller: str = ""
    ) -> list[Answer]:
        """The answers of the workers that are still there."""
        self._questions += 1
        number = self._questions
        loop = asyncio.get_running_loop()
        futures: dict[str, asyncio.Future[Any]] = {}
        for worker in workers:
            if worker.exit_status is not None:
                continue
            future: asyncio.Future[Any] = loop.create_future()
            futures[_name(worker)] = self._waiting[worker.id, number] = future
            asked = {"kind": "asked", "from": "master", "id": number, "topic": topic}
            worker.channel.send(asked | {"body": body | {"tells": worker.id == teller}})
        if futures:
            await asyncio.wait(futures.values(), timeout=ANSWERED_WITHIN_S)
        for worker in workers:
            self._waiting.pop((worker.id, number), None)
        return [
            Answer(who, future.result() if future.done() else None)
            for who, future in futures.items()
            if not future.cancelled()
        ]


def _name(worker: Worker) -> str:
    return f"worker {worker.slot} (pid {worker.pid})"
