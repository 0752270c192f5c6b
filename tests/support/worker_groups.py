"""Workers of one gateway without processes: a stand-in for the master passes on what they say."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Member:
    """One worker, as its siblings know it."""

    id: str
    state: str


class Group:
    """All workers of the gateway; what they say comes through JSON, later, as from a pipe."""

    def __init__(self) -> None:
        self.workers: dict[str, GroupSiblings] = {}
        self.states: dict[str, str] = {}
        #: Workers whose loop hangs: they hear and say nothing.
        self.hanging: set[str] = set()
        #: The messages so far: who said it, and the topic.
        self.said: list[tuple[str, str]] = []

    def join(self, worker: str, state: str = "ready") -> "GroupSiblings":
        self.states[worker] = state
        siblings = self.workers[worker] = GroupSiblings(self, worker)
        self.changed()
        return siblings

    def becomes(self, worker: str, state: str) -> None:
        self.states[worker] = state
        self.changed()

    def leave(self, worker: str) -> None:
        del self.workers[worker], self.states[worker]
        self.changed()

    def changed(self) -> None:
        for worker in self.workers.values():
            for called in worker.changed:
                called()

    def pass_on(self, sender: str, topic: str, body: Any) -> None:
        if sender in self.hanging:
            return
        self.said.append((sender, topic))
        text = json.dumps(body)
        for worker in list(self.workers.values()):
            if worker.id != sender and worker.id not in self.hanging:
                asyncio.get_running_loop().call_soon(worker.hear, sender, topic, text)


class GroupSiblings:
    """One worker's end."""

    def __init__(self, group: Group, worker: str) -> None:
        self.id = worker
        self.changed: list[Callable[[], None]] = []
        self._group = group
        self._hears: dict[str, Callable[[str, Any], None]] = {}
        self._answers: dict[str, Callable[[Any], Awaitable[Any]]] = {}

    @property
    def members(self) -> list[Member]:
        return [Member(*one) for one in self._group.states.items()]

    def hears(self, topic: str, taken: Callable[[str, Any], None]) -> None:
        self._hears[topic] = taken

    def answers(self, topic: str, answer: Callable[[Any], Awaitable[Any]]) -> None:
        self._answers[topic] = answer

    def when_changed(self, called: Callable[[], None]) -> None:
        self.changed.append(called)

    def tell(self, topic: str, body: Any) -> None:
        self._group.pass_on(self.id, topic, body)

    async def ask_one(self, sibling: str, topic: str, body: Any, within_s: float) -> Any:
        asked = self._group.workers.get(sibling)
        if asked is None or sibling in self._group.hanging:
            await asyncio.sleep(within_s)
            return None
        answer = asked._answers.get(topic)
        said = None if answer is None else await answer(json.loads(json.dumps(body)))
        return json.loads(json.dumps(said))

    def hear(self, sender: str, topic: str, text: str) -> None:
        if topic in self._hears:
            self._hears[topic](sender, json.loads(text))
