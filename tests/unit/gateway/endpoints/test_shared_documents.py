"""Documents for concurrent requests: made once, and never from an older view than a client knew."""

import asyncio

import pytest

from discovery.view.view import View
from gateway.endpoints import shared_documents
from gateway.endpoints.shared_documents import SharedDocuments


class Maker:
    """Makes documents when the test lets it, and counts them."""

    def __init__(self) -> None:
        self.view = View(revision=1)
        self.made: list[str] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.revision = 0
        self.documents = SharedDocuments(lambda: self.view, self._make, lambda: self.revision)

    def changes(self) -> None:
        self.view = View(revision=self.view.revision + 1)

    async def _make(self, name: str, view: View) -> bytes:
        self.made.append(name)
        await self.may_end.wait()
        return b"%d" % view.revision


async def asked(maker: Maker, count: int) -> "list[asyncio.Task[bytes]]":
    """Start `count` callers that ask and wait."""
    tasks = [asyncio.create_task(maker.documents.get("")) for _ in range(count)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_all_who_ask_of_one_view_get_the_same_bytes() -> None:
    maker = Maker()
    maker.may_end.clear()
    waiting = await asked(maker, 50)
    maker.may_end.set()
    bodies = await asyncio.gather(*waiting)
    later = await maker.documents.get("")
    assert maker.made == [""]
    assert {id(body) for body in bodies} == {id(later)}


async def test_it_is_made_again_when_the_view_or_the_verdicts_have_changed_and_when_it_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maker = Maker()
    assert await maker.documents.get("") == b"1"
    maker.changes()
    assert await maker.documents.get("") == b"2"
    maker.revision += 1
    assert await maker.documents.get("") == b"2"
    assert len(maker.made) == 3
    monkeypatch.setattr(shared_documents, "FRESH_FOR_S", 0.0)
    assert await maker.documents.get("") == b"2"
    assert len(maker.made) == 4


async def test_who_asks_while_an_older_one_is_made_gets_the_next_and_only_one_is_made_at_a_time() -> (
    None
):
    """A newly registered instance must be in every answer to a later request."""
    maker = Maker()
    maker.may_end.clear()
    early = await asked(maker, 3)
    maker.changes()
    late = await asked(maker, 30)
    assert maker.made == [""]
    maker.may_end.set()
    assert set(await asyncio.gather(*early)) == {b"1"}
    assert set(await asyncio.gather(*late)) == {b"2"}
    assert maker.made == ["", ""]


async def test_a_view_that_changes_all_the_time_keeps_nobody_waiting() -> None:
    maker = Maker()

    async def change() -> None:
        while True:
            maker.changes()
            await asyncio.sleep(0)

    changing = asyncio.create_task(change())
    async with asyncio.timeout(5):
        for _ in range(20):
            known = maker.view.revision
            bodies = await asyncio.gather(*(maker.documents.get("") for _ in range(5)))
            assert all(int(body) >= known for body in bodies)
    changing.cancel()


async def test_whoever_began_may_leave_and_a_failure_is_not_kept() -> None:
    maker = Maker()
    maker.may_end.clear()
    first, second = await asked(maker, 2)
    first.cancel()
    maker.may_end.set()
    assert await second == b"1"

    async def fails(_name: str, _view: View) -> bytes:
        raise RuntimeError("no")

    documents = SharedDocuments(lambda: maker.view, fails)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await documents.get("")


async def test_what_nobody_asks_for_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = Maker()
    monkeypatch.setattr(shared_documents, "KEPT_FOR_S", 0.0)
    for _ in range(2):
        await maker.documents.get("a")
    assert maker.made == ["a", "a"]
