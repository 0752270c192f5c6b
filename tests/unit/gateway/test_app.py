"""What `gateway.app` lets all workers do before a call is answered."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from gateway.app import in_all_workers, reached_in_all_workers


class Asked:
    """A sibling that is as far as `answer` says, once `may` is set."""

    def __init__(self, answer: Any) -> None:
        self.may = asyncio.Event()
        self.asked: list[Any] = []
        self.here: Callable[[Any], Awaitable[Any]] | None = None
        self._answer = answer

    def answers(self, _topic: str, here: Callable[[Any], Awaitable[Any]]) -> None:
        self.here = here

    async def ask(self, topic: str, asked: Any = None) -> dict[str, Any]:
        self.asked.append((topic, asked))
        await self.may.wait()
        return {"2": self._answer}


async def reached(epoch: str, revision: int) -> bool:
    return (epoch, revision) == ("e", 7)


async def test_a_change_is_there_when_the_views_of_all_workers_have_it() -> None:
    sibling = Asked(True)
    wait = asyncio.create_task(
        reached_in_all_workers(reached, SimpleNamespace(alone=False), sibling)("e", 7)
    )
    done, _ = await asyncio.wait([wait], timeout=0.05)
    assert not done
    sibling.may.set()

    assert await wait
    assert sibling.asked == [("view.reached", ["e", 7])]
    assert sibling.here is not None
    assert await sibling.here(["e", 7])
    assert not await sibling.here(["e", 8])


async def test_a_sibling_whose_view_does_not_have_it_in_time_is_told_of() -> None:
    sibling = Asked(False)
    sibling.may.set()

    assert not await reached_in_all_workers(reached, SimpleNamespace(alone=False), sibling)("e", 7)


async def test_a_gateway_of_one_process_asks_nobody() -> None:
    assert reached_in_all_workers(reached, SimpleNamespace(alone=True), Asked(True)) is reached


async def test_what_is_done_here_is_done_in_the_siblings_before_it_is_answered() -> None:
    sibling, did = Asked(None), []

    async def done() -> None:
        did.append("here")

    everywhere = asyncio.create_task(in_all_workers(done, "keys.changed", sibling)())
    finished, _ = await asyncio.wait([everywhere], timeout=0.05)
    assert did == ["here"]
    assert not finished
    sibling.may.set()
    await everywhere
    assert sibling.asked == [("keys.changed", None)]
    assert sibling.here is not None
    await sibling.here(None)
    assert did == ["here", "here"]
