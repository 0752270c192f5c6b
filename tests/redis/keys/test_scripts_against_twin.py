"""The scripts of the keys do what a few lines of Python say that they do."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.model.settings import RegistrySettings
from middlewares.auth.ways.api_keys.deciding.records import Change, KeyRecord, change_of
from middlewares.auth.ways.api_keys.deciding.ring import Ended
from middlewares.auth.ways.api_keys.store import KeyStore, Place
from tests.support.registry_servers import RegistryServer

HOUR_MS = 3_600_000
LONG_AGO_MS = 1_000
FAR_MS = 8_000_000_000_000
NEVER = float("inf")


@dataclass
class Twin:
    """What the registry should have: for each id its record, and its digests, newest first, with their ends.

    An end is "past", "soon" (within the overlap), or a time in ms.
    """

    records: dict[str, str] = field(default_factory=dict)
    digests: dict[str, list[bytes]] = field(default_factory=dict)
    ends: dict[bytes, float] = field(default_factory=dict)
    #: Ids in the order of their last changes.
    changes: list[str] = field(default_factory=list)

    def create(self, id_: str, digest: bytes) -> bool:
        self.records[id_] = id_
        self.digests[id_] = [digest]
        return self._changed(id_)

    def revoke(self, id_: str, now_ms: float) -> bool:
        if id_ not in self.records:
            return False
        self._end_all(id_, now_ms)
        return self._changed(id_)

    def rotate(self, id_: str, digest: bytes, overlap_ms: int, now_ms: float) -> bool:
        if id_ not in self.records:
            return False
        for before in self.digests[id_]:
            self._end(before, now_ms + overlap_ms)
        self.digests[id_].insert(0, digest)
        return self._changed(id_)

    def tell(self, id_: str, digest: bytes, at_ms: float, now_ms: float) -> bool:
        if not self._end(digest, at_ms):
            return False
        of_id = self.digests.setdefault(id_, [])
        if digest not in of_id:
            of_id.append(digest)
        if all(self.ends.get(one, NEVER) <= now_ms for one in of_id):
            self._end_all(id_, now_ms)
        return self._changed(id_)

    def _end(self, digest: bytes, at_ms: float) -> bool:
        if self.ends.get(digest, NEVER) <= at_ms:
            return False
        self.ends[digest] = at_ms
        return True

    def _end_all(self, id_: str, now_ms: float) -> None:
        self.records.pop(id_, None)
        for digest in self.digests[id_]:
            self._end(digest, now_ms)

    def _changed(self, id_: str) -> bool:
        self.changes = [*(one for one in self.changes if one != id_), id_]
        return True


IDS = st.sampled_from(["k1", "k2", "k3"])
#: A place among the digests that were made so far; a number that is too large is of one that nobody made.
OLD = st.integers(0, 12)
STEPS = st.one_of(
    st.tuples(st.just("create"), IDS),
    st.tuples(st.just("revoke"), IDS),
    st.tuples(st.just("rotate"), IDS, st.sampled_from([0, HOUR_MS])),
    st.tuples(st.just("tell"), OLD, st.sampled_from([LONG_AGO_MS, FAR_MS])),
)


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=150)
def test_the_scripts_and_their_twin_agree(
    registry_server: RegistryServer, steps: list[tuple[Any, ...]]
) -> None:
    with registry_server.client() as client:
        client.flushall()
    asyncio.run(compare(registry_server.url, steps))


async def compare(url: str, steps: list[tuple[Any, ...]]) -> None:
    store, twin, made = KeyStore(RegistrySettings(url)), Twin(), []
    try:
        for number, (what, *said) in enumerate(steps):
            now_ms, digest = time.time() * 1000, bytes([number + 1]) * 32
            if what == "create":
                id_ = f"{said[0]}-{number}"
                made.append((id_, digest))
                await store.create(id_, digest, KeyRecord(id_))
                twin.create(id_, digest)
            elif what == "revoke":
                id_ = _last(made, said[0])
                assert (await store.revoke(id_) is not None) is twin.revoke(id_, now_ms)
            elif what == "rotate":
                id_ = _last(made, said[0])
                done = await store.rotate(id_, digest, said[1])
                assert (done is not None) is twin.rotate(id_, digest, said[1], now_ms)
                if done is not None:
                    made.append((id_, digest))
            else:
                place, at_ms = said
                id_, digest = made[place] if place < len(made) else (f"lost-{place}", digest)
                await store.tell([Ended(id_, digest, at_ms)])
                twin.tell(id_, digest, at_ms, now_ms)
        page = await store.changes(Place("", 0), "")
        found = [change_of(row) for row in page.rows]
        assert [one.id for one in found] == twin.changes
        assert [_shown(one) for one in found] == [_expected(twin, id_) for id_ in twin.changes]
    finally:
        await store.close()


def _last(made: list[tuple[str, bytes]], prefix: str) -> str:
    """The id that was made last of those that begin so."""
    return next((id_ for id_, _ in reversed(made) if id_.startswith(f"{prefix}-")), prefix)


def _shown(change: Change) -> tuple[bool, list[tuple[bytes, str]]]:
    ends = [(digest, _word(NEVER if at is None else at)) for digest, at in change.digests]
    return change.record is not None, ends


def _expected(twin: Twin, id_: str) -> tuple[bool, list[tuple[bytes, str]]]:
    ends = [(digest, _word(twin.ends.get(digest, NEVER))) for digest in twin.digests[id_]]
    return id_ in twin.records, ends


def _word(at_ms: float) -> str:
    """When a key ends: the clocks of the test and of the server differ by a little."""
    if at_ms in (LONG_AGO_MS, FAR_MS, NEVER):
        return str(at_ms)
    return "past" if at_ms <= time.time() * 1000 + HOUR_MS / 2 else "soon"
