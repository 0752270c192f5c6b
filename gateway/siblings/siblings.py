"""What a worker and its siblings, the other workers of this gateway, tell and ask each other."""

import asyncio
import itertools
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.machine.shares import Share
from gateway.master.channel import Channel
from gateway.master.wire import REPLACED, Message
from gateway.siblings.seat import Seat

#: Whom the master's answers are from.
MASTER = "master"
#: So often the master hears that the event loop runs.
BEAT_EVERY_S = 1.0

#: Takes what a sibling said.
Hears = Callable[[str, Any], None]
#: Answers what a sibling, or the master, asked.
Answers = Callable[[Any], Awaitable[Any]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Member:
    """One worker of this gateway."""

    id: str
    slot: int
    pid: int
    state: str
    started_at_s: float
    #: Of the last worker in its slot that has ended by itself: `at_s`, `why`, `in_a_row`; None: none has.
    ended_before: Mapping[str, Any] | None = None


class Siblings:
    """The channel to the master; in a gateway of one process there is nobody at its other end."""

    def __init__(self, seat: Seat | None = None) -> None:
        self._seat = seat
        #: What all workers of this gateway are called in the registry.
        self.gateway = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self.id = str(os.getpid())
        self.slot = 0
        #: When the gateway began, Unix time; each worker began later.
        self.began_at_s = time.time()
        #: How many workers the gateway is to have.
        self.count = 1
        #: This worker and its siblings, whatever their state.
        self.members: Sequence[Member] = (Member(self.id, 0, os.getpid(), "ready", time.time()),)
        #: Set when the master has gone: nobody would replace this worker.
        self.deserted = asyncio.Event()
        if seat is not None:
            self.gateway = seat.begin["gateway"]
            self.slot = seat.begin["slot"]
            self.began_at_s = seat.begin["started_at_s"]
            self.count = seat.begin["workers"]
        #: Set when this worker is to end without waiting for what is in flight.
        self.at_once = asyncio.Event()
        #: Whether other workers go on where this one stops.
        self.replaced = False
        self._channel: Channel | None = None
        self._hears: dict[str, list[Hears]] = {}
        self._answers: dict[str, Answers] = {}
        self._changed: list[Callable[[], None]] = []
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Question] = {}
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def share(self) -> Share:
        """What this worker has of a limit for the whole gateway."""
        return Share(self.slot, self.count)

    @property
    def alone(self) -> bool:
        """Whether the gateway is one process."""
        return self._seat is None

    @property
    def kept(self) -> Mapping[str, Any]:
        """What earlier workers gave to be kept; empty for one that starts anew."""
        return {} if self._seat is None else self._seat.begin["kept"]

    def hears(self, topic: str, taken: Hears) -> None:
        """Call `taken` with the id of a sibling and what it said."""
        self._hears.setdefault(topic, []).append(taken)

    def answers(self, topic: str, answer: Answers) -> None:
        """Let `answer` answer questions of siblings and of the master; one for each topic."""
        self._answers[topic] = answer

    def when_changed(self, called: Callable[[], None]) -> None:
        """Call it after `members` has changed."""
        self._changed.append(called)

    def tell(self, topic: str, body: Any) -> None:
        """Tell all siblings; `body` is JSON."""
        self._send({"kind": "say", "topic": topic, "body": body}, may_be_dropped=True)

    async def ask(self, topic: str, body: Any = None, within_s: float = 2.0) -> dict[str, Any]:
        """Ask all siblings; their answers by id, without those that did not answer in time."""
        return (await self.ask_each(topic, body, within_s))[0]

    async def ask_each(
        self, topic: str, body: Any = None, within_s: float = 2.0
    ) -> tuple[dict[str, Any], set[str]]:
        """Ask all siblings; their answers by id, and the ids of those that did not answer in time, or had none."""
        if self._channel is None:
            return {}, set()
        question = await self._question({"topic": topic, "body": body}, within_s)
        whom = question.whom
        if whom is None:  # the master has not said it
            whom = {one.id for one in self.members if one.id != self.id and one.state != "starting"}
        return question.said, {one for one in whom if question.said.get(one) is None}

    async def ask_one(
        self, sibling: str, topic: str, body: Any = None, within_s: float = 2.0
    ) -> Any:
        """Ask the sibling with this id; None if it did not answer in time."""
        if self._channel is None:
            return None
        asked = {"to": sibling, "topic": topic, "body": body}
        return (await self._ask(asked, within_s)).get(sibling)

    async def ask_master(self, topic: str, body: Any = None, within_s: float = 2.0) -> Any:
        """Ask the master; None if it did not answer, and in a gateway of one process."""
        if self._channel is None:
            return None
        return (await self.ask_for_descriptor(topic, body, within_s))[0]

    async def ask_for_descriptor(
        self, topic: str, body: Any, within_s: float
    ) -> tuple[Any, int | None]:
        """Ask the master; its answer as of `ask_master`, and the descriptor that came along."""
        if self._channel is None:
            return None, None
        question = await self._question({"to": MASTER, "topic": topic, "body": body}, within_s)
        return question.said.get(MASTER), question.descriptor

    def tell_master(self, topic: str, body: Any) -> None:
        """Tell the master, which answers nothing."""
        self._send({"kind": "ask", "id": 0, "to": MASTER, "topic": topic, "body": body})

    def ready(self, *, view: bool) -> None:
        """Tell the master that requests are answered, and whether there is a view to route by."""
        self._send({"kind": "ready", "view": view})

    def waits_for(self, what: str) -> None:
        """Tell the master what this worker waits for before it is ready."""
        self._send({"kind": "waits_for", "what": what})

    def counters(self, counters: Mapping[str, float]) -> bool:
        """Give the master those counters that have changed; they go on after this worker has ended.

        False: the master hangs, and has not got them.
        """
        return self._send({"kind": "counters", "counters": dict(counters)}, may_be_dropped=True)

    def keep(self, name: str, value: Any) -> None:
        """Let the master keep this for a worker that replaces a crashed one."""
        self._send({"kind": "keep", "name": name, "value": value})

    def open(self) -> None:
        """Begin to receive; call it in the event loop."""
        if self._seat is not None:
            self._take_members(self._seat.begin["members"])
            self._channel = Channel(
                self._seat.channel, self._received, self.deserted.set, begun=self._seat.rest
            )

    async def run(self) -> None:
        """Tell the master that the loop runs; never returns."""
        while True:
            self._send({"kind": "beat"}, may_be_dropped=True)
            await asyncio.sleep(BEAT_EVERY_S)

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def _ask(self, asked: Message, within_s: float) -> dict[str, Any]:
        return (await self._question(asked, within_s)).said

    async def _question(self, asked: Message, within_s: float) -> "_Question":
        number = next(self._ids)
        question = self._waiting[number] = _Question()
        if asked.get("to") == MASTER:
            question.whom = {MASTER}
        self._send({"kind": "ask", "id": number, **asked})
        try:
            async with asyncio.timeout(within_s):
                await question.done.wait()
        except TimeoutError:
            pass
        finally:
            del self._waiting[number]
        return question

    def _send(self, message: Message, *, may_be_dropped: bool = False) -> bool:
        """What may be dropped is, while the master hangs: it must not fill the memory of this worker."""
        return self._channel is not None and self._channel.send(
            message, may_be_dropped=may_be_dropped
        )

    def _received(self, message: Message) -> None:
        """Take one message; what only another release understands ends nothing here."""
        try:
            self._take(message)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            _log.warning(
                "sibling.not_understood",
                kind=str(message.get("kind")),
                topic=str(message.get("topic")),
                detail=f"{type(error).__name__}: {error}",
            )

    def _take(self, message: Message) -> None:
        kind = message["kind"]
        if kind == "said":
            for taken in self._hears.get(message["topic"], ()):
                taken(message["from"], message["body"])
        elif kind == "asked":
            task = asyncio.create_task(self._answer(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif kind in ("whom", "answer"):
            question = self._waiting.get(message["id"])
            descriptor = message.get("descriptor")
            if question is None:
                if descriptor is not None:  # it comes too late
                    os.close(descriptor)
                return
            if kind == "whom":
                question.whom = set(message["workers"])
            else:
                question.said[message["from"]] = message["body"]
                question.descriptor = descriptor
            question.look()
        elif kind == "stop":
            self.replaced = message["because"] == REPLACED
            if message.get("at_once"):
                self.at_once.set()
        elif kind == "workers":
            self._take_members(message["workers"])

    async def _answer(self, message: Message) -> None:
        answer = self._answers.get(message["topic"])
        try:
            body = None if answer is None else await answer(message["body"])
        except Exception:  # noqa: BLE001 - the sibling is told, and goes on
            _log.exception("sibling.question_failed", topic=message["topic"])
            body = None
        answered = {"kind": "answer", "to": message["from"], "id": message["id"], "body": body}
        self._send(answered, may_be_dropped=True)

    def _take_members(self, members: Sequence[Mapping[str, Any]]) -> None:
        self.members = tuple(
            Member(
                one["id"],
                one["slot"],
                one["pid"],
                one["state"],
                one["started_at_s"],
                one.get("ended_before"),
            )
            for one in members
        )
        here = {member.id for member in self.members}
        for question in self._waiting.values():
            question.whom = question.whom and {
                one for one in question.whom if one in here or one == MASTER
            }
            question.look()
        for called in self._changed:
            called()


class _Question:
    """One that waits for answers; `whom` is None until the master has said who was asked."""

    def __init__(self) -> None:
        self.whom: set[str] | None = None
        self.said: dict[str, Any] = {}
        #: What the master has sent along.
        self.descriptor: int | None = None
        self.done = asyncio.Event()

    def look(self) -> None:
        if self.whom is not None and self.whom <= self.said.keys():
            self.done.set()
