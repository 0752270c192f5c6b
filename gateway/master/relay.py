"""Passes on what workers tell and ask each other, and answers what the master itself is asked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.master.departed import departed
from gateway.master.wire import Message
from gateway.master.worker import STARTING, Worker

if TYPE_CHECKING:
    from gateway.master.master import Master

MASTER = "master"


class Relay:
    """Takes the messages of all workers; of topics it knows those of the master alone."""

    def __init__(self, master: "Master") -> None:
        self._master = master

    def received(self, worker: Worker, message: Message) -> None:
        """Take one message; what only another release understands ends nothing here."""
        worker.waited.silent_s = 0.0
        try:
            self._take(worker, message)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            self._master.log.warning(
                "worker.not_understood",
                slot=worker.slot,
                pid=worker.pid,
                kind=str(message.get("kind")),
                detail=f"{type(error).__name__}: {error}",
            )

    def _take(self, worker: Worker, message: Message) -> None:
        kind = message["kind"]
        if kind == "ready":
            self._master.team.ready(worker, message)
        elif kind == "waits_for":
            worker.waits_for = message["what"]
        elif kind == "counters":
            worker.counters.update(_numbers(message["counters"]))
        elif kind == "keep":
            self._master.kept[message["name"]] = message["value"]
        elif kind == "say":
            said = {"kind": "said", "from": worker.id, **_matter(message)}
            for sibling in self._master.workers:
                if sibling is not worker:
                    sibling.channel.send(said, may_be_dropped=True)
        elif kind == "ask":
            self._asked(worker, message)
        elif kind == "answer":
            self._answered(worker, message)

    def _asked(self, worker: Worker, message: Message) -> None:
        """Pass a question on to the siblings, or to one of them, or answer it where it is for the master."""
        if message.get("to") == MASTER:
            body, descriptor = self._answer(worker, message["topic"], message["body"])
            answer = {"kind": "answer", "from": MASTER, "id": message["id"], "body": body}
            worker.channel.send(answer, descriptor=descriptor)
            return
        siblings = [
            one
            for one in self._master.workers
            if one is not worker and one.state != STARTING and message.get("to") in (None, one.id)
        ]
        worker.channel.send(
            {"kind": "whom", "id": message["id"], "workers": [one.id for one in siblings]}
        )
        asked = {"kind": "asked", "from": worker.id, "id": message["id"], **_matter(message)}
        for sibling in siblings:
            sibling.channel.send(asked, may_be_dropped=True)

    def _answered(self, worker: Worker, message: Message) -> None:
        if message["to"] == MASTER:
            self._master.reloads.answered(worker, message)
            return
        for asker in self._master.workers:
            if asker.id == message["to"]:
                answer = {"kind": "answer", "from": worker.id, "id": message["id"]}
                asker.channel.send(answer | {"body": message["body"]}, may_be_dropped=True)

    def _answer(self, worker: Worker, topic: str, body: Any) -> tuple[Any, int | None]:
        """What the master itself is asked, and the descriptor that goes along."""
        master = self._master
        if topic == "roll":
            return master.rolls.begin("asked for"), None
        if topic == "roll_state":
            return master.rolls.state(), None
        if topic == "reload":
            return master.reloads.begin(body["why"]), None
        if topic == "reload_state":
            return master.reloads.state(), None
        if topic == "departed":
            return departed(master.departed, master.workers, worker.id, body["answered"]), None
        if topic == "bind":
            return master.ports.ask(worker.id, body["host"], body["port"])
        if topic == "leave":
            master.ports.leave(worker.id, body["host"], body["port"])
        return None, None


def _matter(message: Message) -> Message:
    return {"topic": message["topic"], "body": message["body"]}


def _numbers(counters: Mapping[str, Any]) -> dict[str, float]:
    """Those that can be added up; what another release may count in another form is left out."""
    return {name: value for name, value in counters.items() if isinstance(value, int | float)}
