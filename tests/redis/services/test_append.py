"""append.lua on a real server, against its twin in plain Python."""

import asyncio
from dataclasses import dataclass, field

import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.model.settings import RegistrySettings
from services.notification.notes import Filter, Note
from services.notification.store import NotificationStore
from tests.support.registry_servers import RegistryServer

MOST_KEPT = 4


@dataclass
class Twin:
    """What append.lua does, with numbers for ids."""

    kept: list[tuple[int, str, str | None]] = field(default_factory=list)
    next_id: int = 0

    def add(self, text: str, key: str | None) -> tuple[str, int]:
        for number, before, seen in self.kept:
            if key is not None and seen == key:
                return ("repeated" if before == text else "reused"), number
        self.next_id += 1
        self.kept = [*self.kept, (self.next_id, text, key)][-MOST_KEPT:]
        return "kept", self.next_id


posts = st.lists(
    st.tuples(st.sampled_from("ab"), st.none() | st.sampled_from("klm")), max_size=25
)  # fmt: skip


@settings(max_examples=40)
@given(posts)
def test_it_does_what_its_twin_does(
    registry_server: RegistryServer, posts: list[tuple[str, str | None]]
) -> None:
    with redis.Redis.from_url(registry_server.url) as client:
        client.flushall()
        asyncio.run(compare(registry_server.url, posts))
        keys = client.hlen("{lockgate:default}:notifications:keys")
        assert keys == client.xlen("{lockgate:default}:notifications")


async def compare(url: str, posts: list[tuple[str, str | None]]) -> None:
    store = NotificationStore(RegistrySettings(redis_url=url), MOST_KEPT)
    twin, ids = Twin(), dict[int, str]()
    try:
        for text, key in posts:
            addition = await store.add(Note(kind="test", message=text), key)
            outcome, number = twin.add(text, key)
            assert addition.outcome == outcome
            assert ids.setdefault(number, addition.id) == addition.id
        found = await store.newest_first(Filter(), limit=100)
        assert [kept.id for kept in found] == [ids[number] for number, *_ in reversed(twin.kept)]
    finally:
        await store.close()
