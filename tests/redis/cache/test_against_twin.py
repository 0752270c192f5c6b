"""The scripts do to what is kept what their twin in Python does, whatever happens in which order."""

import asyncio
from dataclasses import dataclass, field, replace

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from discovery.model.settings import RegistrySettings
from middlewares.cache.entry import Entry, Variants
from middlewares.cache.stores.codec import Record
from middlewares.cache.stores.scripts import keys_of
from middlewares.cache.stores.shared import Mark, SharedStore
from middlewares.cache.stores.store import EVERYTHING, Purge
from tests.support.registry_servers import RegistryServer
from tests.support.shared_stores import MIB, by_nothing, entry_of, running_store

URLS = [b"http://a/1", b"http://a/12", b"https://a/1", b"http://b/1"]
_KEYS = st.sampled_from([b"k", b"l"])
_NAMES = st.sampled_from([(), (b"accept",), (b"accept", b"dnt")])
_SECONDS = st.sampled_from([b"", b"x"])
_TAGS = st.frozensets(st.sampled_from([b"s", b"t"]))
_PURGES = st.builds(
    Purge,
    st.sampled_from(["url", "prefix", "tag"]),
    st.sampled_from([*URLS, b"/1", b"/", b"http://a", b"t", b"s"]),
    st.booleans(),
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), _KEYS, _NAMES, _SECONDS, st.sampled_from(URLS), _TAGS),
        st.tuples(st.just("mark"), _KEYS),
        st.tuples(st.just("drop"), _KEYS),
        st.tuples(st.just("purge"), st.lists(_PURGES, max_size=3)),
    ),
    max_size=15,
)


@dataclass
class Twin:
    """What is kept: the names in Vary and the entries by primary key, and the marks."""

    names: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    entries: dict[tuple[bytes, bytes], Entry] = field(default_factory=dict)
    marks: set[bytes] = field(default_factory=set)

    def keep(self, key: bytes, vary: tuple[bytes, ...], second: bytes, entry: Entry) -> None:
        if self.names.get(key, vary) != vary:
            self._forget([one for one in self.entries if one[0] == key])
        self.names[key] = vary
        self.entries[key, second] = entry
        self.marks.discard(key)

    def drop(self, key: bytes) -> None:
        self._forget([one for one in self.entries if one[0] == key])
        self.marks.discard(key)

    def purge(self, purges: list[Purge]) -> int:
        if EVERYTHING in purges:  # at once, and the marks too
            self.marks.clear()
            return self._purge(EVERYTHING)
        return sum(self._purge(one) for one in purges)

    def _purge(self, purge: Purge) -> int:
        taken = [key for key, entry in self.entries.items() if purge.takes(entry)]
        if purge.soft:
            for key in taken:
                self.entries[key] = replace(self.entries[key], is_stale=True)
        else:
            self._forget(taken)
        return len(taken)

    def _forget(self, keys: list[tuple[bytes, bytes]]) -> None:
        for key in keys:
            del self.entries[key]
        left = {key for key, _ in self.entries}
        self.names = {key: names for key, names in self.names.items() if key in left}

    def get(self, key: bytes, second: bytes) -> Variants | bool | None:
        """The variants; True: it is marked."""
        entry = self.entries.get((key, second))
        if entry is not None:
            return Variants(self.names[key], {second: entry})
        if key in self.marks:
            return True
        return Variants(self.names[key], {}) if key in self.names else None


async def compared(store: SharedStore, twin: Twin) -> None:
    for key in (b"k", b"l"):
        for second in (b"", b"x"):
            found = await store.get(key, lambda _, second=second: second, patient=True)
            expected = twin.get(key, second)
            if expected is True:
                assert isinstance(found, Mark)
            elif isinstance(expected, Variants) and isinstance(found, Variants):
                assert found.vary == expected.vary
                assert {k: replace(e, stored_s=0.0) for k, e in found.entries.items()} == dict(
                    expected.entries
                )
            else:
                assert found is expected is None
    counts = await store.counts()
    assert counts is not None
    assert counts.entries == len(twin.entries)
    assert counts.bytes == sum(Record(entry).size for entry in twin.entries.values())


@given(_STEPS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_scripts_do_what_their_twin_does(
    registry_server: RegistryServer, steps: list[tuple[object, ...]]
) -> None:
    async def run() -> None:
        with registry_server.client() as client:
            client.flushall()
        twin = Twin()
        async with running_store(registry_server.url, most_bytes=MIB) as store:
            for number, (word, *args) in enumerate(steps):
                await _do(store, twin, number, word, args)
            await compared(store, twin)

    asyncio.run(run())


async def _do(
    store: SharedStore, twin: Twin, number: int, word: object, args: list[object]
) -> None:
    if word == "keep":
        key, vary, second, url, tags = args
        entry = entry_of(b"%d" % number, url=url, tags=tags)
        assert await store.keep(key, vary, second, replace(entry, stored_s=store.now_s()))  # type: ignore[arg-type]
        twin.keep(key, vary, second, entry)  # type: ignore[arg-type]
    elif word == "purge":
        assert await store.purge(args[0]) == twin.purge(args[0])  # type: ignore[arg-type]
    elif word == "mark":
        await store.mark(args[0], 60)  # type: ignore[arg-type]
        twin.marks.add(args[0])  # type: ignore[arg-type]
    else:
        await store.drop(args[0])  # type: ignore[arg-type]
        twin.drop(args[0])  # type: ignore[arg-type]


def test_what_the_twin_has_forgotten_is_gone_from_every_key(registry_url: str) -> None:
    async def run() -> None:
        async with running_store(registry_url) as store:
            for url in URLS:
                entry = entry_of(url=url, tags=frozenset({b"t"}), stored_s=store.now_s())
                await store.keep(url, (b"a",), by_nothing((b"a",)), entry)
            await store.purge([Purge("tag", b"t")])

    asyncio.run(run())
    with redis.Redis.from_url(registry_url) as client:
        meta, *others = keys_of(RegistrySettings().namespace)
        assert client.hget(meta, "bytes") == b"0"
        assert not any(client.exists(key) for key in others)
