"""Reloads: all workers take the changed file, or none does."""

import asyncio
from typing import TYPE_CHECKING, Any

from gateway.master.wire import Message
from gateway.master.worker import Worker

if TYPE_CHECKING:
    from gateway.master.master import Master

ANSWERED_WITHIN_S = 60.0


class Reloads:
    """Asks each worker to prepare the file, then all to take it, or all to drop it."""

    def __init__(self, master: "Master") -> None:
        self._master = master
        self._number = 0
        self._running = False
        self._again = ""
        self._last: dict[str, Any] = {}
        self._waiting: dict[tuple[str, int], asyncio.Future[Any]] = {}

    def begin(self, why: str) -> dict[str, Any]:
        """Begin a reload, or have one more follow the one that is under way; says its number."""
        if self._running:
            self._again = why
            return {"number": self._number + 1}
        self._running = True
        self._number += 1
        self._master.in_background(asyncio.create_task(self._run(why)))
        return {"number": self._number}

    def state(self) -> dict[str, Any]:
        """The number of the last reload that ended, and what the workers answered."""
        return self._last

    def answered(self, worker: Worker, message: Message) -> None:
        future = self._waiting.pop((worker.id, message["id"]), None)
        if future is not None and not future.done():
            future.set_result(message["body"])

    async def _run(self, why: str) -> None:
        while True:
            workers = self._master.serving()
            prepared = await self._ask(
                workers, "reload.prepare", {"why": why, "number": self._number}
            )
            refused = [one for one in prepared if not one["ok"]]
            topic = "reload.abort" if refused else "reload.commit"
            ended = await self._ask(workers, topic, {"number": self._number})
            body = refused[0] if refused else (ended[0] if ended else {})
            self._last = {"number": self._number, "ok": not refused, "body": body}
            if not self._again:
                self._running = False
                return
            why, self._again = self._again, ""
            self._number += 1

    async def _ask(self, workers: list[Worker], topic: str, body: dict[str, Any]) -> list[Any]:
        """The answers of those that are still there; one that does not answer has refused."""
        self._number_of_question = getattr(self, "_number_of_question", 0) + 1
        number = self._number_of_question
        loop = asyncio.get_running_loop()
        futures = []
        for worker in workers:
            future: asyncio.Future[Any] = loop.create_future()
            self._waiting[worker.id, number] = future
            futures.append(future)
            worker.channel.send(
                {"kind": "asked", "from": "master", "id": number, "topic": topic, "body": body}
            )
        if not futures:
            return []
        await asyncio.wait(futures, timeout=ANSWERED_WITHIN_S)
        return [
            one.result() if one.done() else {"ok": False, "mistakes": ["a worker did not answer"]}
            for one in futures
        ]
