"""A worker's end of the channel to the master."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.master.channel import MOST_UNREAD, Channel
from gateway.master.wire import Message
from gateway.siblings.seat import Seat
from gateway.siblings.siblings import Siblings
from tests.support.eventually import eventually


class Master:
    """The other end: what it has received, and a channel to answer by."""

    def __init__(self, sock: socket.socket) -> None:
        self.received: list[Message] = []
        self.channel = Channel(sock, self.received.append, lambda: None)

    def of_kind(self, kind: str) -> list[Message]:
        return [one for one in self.received if one["kind"] == kind]


def begin() -> dict[str, Any]:
    members = [
        {"id": str(1 + n), "slot": n, "pid": 1 + n, "state": "ready", "started_at_s": 0.0}
        for n in range(3)
    ]
    return {
        "gateway": "g",
        "slot": 0,
        "workers": 3,
        "started_at_s": 0.0,
        "sockets": {},
        "kept": {},
        "members": members,
    }


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Siblings, Master]]:
    ours, theirs = socket.socketpair()
    siblings, master = Siblings(Seat(begin(), ours)), Master(theirs)
    siblings.open()
    yield siblings, master
    siblings.close()
    master.channel.close()


async def test_what_another_release_says_otherwise_ends_nothing(
    pair: tuple[Siblings, Master],
) -> None:
    siblings, master = pair
    heard: list[Any] = []

    def take(_sibling: str, body: Any) -> None:
        heard.append(body["known"])

    siblings.hears("news", take)
    with capture_logs() as logs:
        master.channel.send({"kind": "said", "topic": "news", "from": "2", "body": 7})
        master.channel.send({"kind": "workers"})
        master.channel.send({"kind": "said", "topic": "news", "from": "2", "body": {"known": 1}})
        await eventually(lambda: heard)
    assert heard == [1]
    assert [(one["event"], one["topic"]) for one in logs] == [
        ("sibling.not_understood", "news"),
        ("sibling.not_understood", "None"),
    ]


async def test_a_question_ends_when_those_who_have_not_answered_are_gone(
    pair: tuple[Siblings, Master],
) -> None:
    siblings, master = pair
    asking = asyncio.create_task(siblings.ask("what", within_s=60))
    await eventually(lambda: master.of_kind("ask"))
    number = master.of_kind("ask")[0]["id"]
    master.channel.send({"kind": "whom", "id": number, "workers": ["2", "3"]})
    master.channel.send({"kind": "answer", "id": number, "from": "2", "body": "this"})
    master.channel.send({"kind": "workers", "workers": begin()["members"][:2]})
    assert await asyncio.wait_for(asking, 30) == {"2": "this"}
    late = {"kind": "answer", "id": number, "from": "3", "body": "that"}
    with capture_logs() as logs:
        master.channel.send(late)
        assert await siblings.ask("what", within_s=0.05) == {}
    assert not logs


async def test_who_has_not_answered_is_told_with_the_answers(
    pair: tuple[Siblings, Master],
) -> None:
    siblings, master = pair
    asking = asyncio.create_task(siblings.ask_each("what", within_s=3))
    await eventually(lambda: master.of_kind("ask"))
    number = master.of_kind("ask")[0]["id"]
    master.channel.send({"kind": "whom", "id": number, "workers": ["2", "3"]})
    master.channel.send({"kind": "answer", "id": number, "from": "2", "body": "this"})

    assert await asking == ({"2": "this"}, {"3"})


async def test_one_that_could_not_answer_has_not_answered(pair: tuple[Siblings, Master]) -> None:
    siblings, master = pair
    asking = asyncio.create_task(siblings.ask_each("what", within_s=60))
    await eventually(lambda: master.of_kind("ask"))
    number = master.of_kind("ask")[0]["id"]
    master.channel.send({"kind": "whom", "id": number, "workers": ["2"]})
    master.channel.send({"kind": "answer", "id": number, "from": "2", "body": None})

    assert await asyncio.wait_for(asking, 30) == ({"2": None}, {"2"})


async def test_all_siblings_are_silent_if_the_master_passes_nothing_on(
    pair: tuple[Siblings, Master],
) -> None:
    siblings, master = pair
    members = begin()["members"]
    for member, id_ in zip(members, (siblings.id, "2", "3"), strict=True):
        member["id"] = id_
    members[2]["state"] = "starting"  # nobody asks it
    master.channel.send({"kind": "workers", "workers": members})
    await eventually(lambda: siblings.members[0].id == siblings.id)

    assert await siblings.ask_each("what", within_s=0.05) == ({}, {"2"})


async def test_a_master_that_hangs_does_not_fill_the_memory() -> None:
    ours, theirs = socket.socketpair()
    siblings = Siblings(Seat(begin(), ours))
    siblings.open()
    news = "x" * 1_000_000
    given = 0
    for number in range(3 * MOST_UNREAD // len(news)):
        siblings.tell("news", news)
        given += siblings.counters({"a": number})
    assert given < 20
    master = Master(theirs)
    siblings.ready(view=True)
    await eventually(lambda: master.of_kind("ready"))
    assert len(json.dumps(master.received)) < MOST_UNREAD + 2 * len(news)
    assert len(master.of_kind("counters")) == given
    siblings.close()
    master.channel.close()
