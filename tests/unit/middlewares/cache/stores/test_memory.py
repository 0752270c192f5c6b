"""What the memory of answers keeps, what it drops, and what it counts."""

import gc
import weakref
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from middlewares.cache.entry import Entry, Freshness
from middlewares.cache.stores.eviction import MOST_PASSED_OVER, MOST_USES
from middlewares.cache.stores.memory import MOST_EVICTIONS, MOST_VARIANTS, AnswerMemory
from middlewares.cache.stores.store import MemoryStore, Purge

FRESHNESS = Freshness(initial_age_s=0.0, lifetime_s=60.0)
MIB = 1024 * 1024
Kind = Literal["url", "prefix", "tag"]


def entry(url: bytes = b"http://shop.test/a", size: int = 10, *tags: bytes) -> Entry:
    return Entry(200, b"OK", (), (bytes(size),), size, FRESHNESS, 0.0, url, tags=frozenset(tags))


def filled(store: AnswerMemory, *urls: bytes) -> AnswerMemory:
    for url in urls:
        store.keep(url, (), b"", entry(url))
    return store


def kept(store: AnswerMemory, *keys: bytes) -> list[bytes]:
    return [key for key in keys if store.get(key) is not None]


def test_it_is_a_store_and_its_clock_is_the_one_given() -> None:
    store: MemoryStore = AnswerMemory(MIB, now_s=lambda: 7.0)
    assert store.now_s() == 7.0


def test_what_was_kept_is_found_by_its_keys_and_nothing_else_is() -> None:
    store = AnswerMemory(MIB)
    one, two = entry(), entry()
    assert store.keep(b"k", (b"accept",), b"html", one)
    assert store.keep(b"k", (b"accept",), b"json", two)
    found = store.get(b"k")
    assert found is not None
    assert (found.vary, found.entries) == ((b"accept",), {b"html": one, b"json": two})
    assert store.get(b"other") is None
    assert store.entries == 2


def test_one_with_the_same_keys_takes_the_place_of_the_older() -> None:
    store = AnswerMemory(MIB)
    store.keep(b"k", (), b"", entry(size=5000))
    before = store.bytes
    newer = entry(size=1000)
    store.keep(b"k", (), b"", newer)
    found = store.get(b"k")
    assert found is not None
    assert found.entries == {b"": newer}
    assert store.bytes == before - 4000


def test_other_names_in_vary_drop_what_was_told_apart_by_the_old_ones() -> None:
    store = AnswerMemory(MIB)
    store.keep(b"k", (b"accept",), b"html", entry())
    store.keep(b"k", (b"cookie",), b"c", entry())
    found = store.get(b"k")
    assert found is not None
    assert (found.vary, list(found.entries)) == ((b"cookie",), [b"c"])
    assert store.entries == 1


def test_what_a_reader_holds_stays_as_it_was() -> None:
    store = AnswerMemory(MIB)
    store.keep(b"k", (b"accept",), b"html", entry())
    before = store.get(b"k")
    store.keep(b"k", (b"accept",), b"json", entry())
    store.purge([Purge("prefix", b"http", soft=True)])
    assert before is not None
    assert [(key, one.is_stale) for key, one in before.entries.items()] == [(b"html", False)]


def test_too_many_variants_push_out_the_oldest_of_their_key_alone() -> None:
    store = AnswerMemory(MIB)
    store.keep(b"other", (), b"", entry())
    for number in range(MOST_VARIANTS + 3):
        store.keep(b"k", (b"cookie",), b"%d" % number, entry())
    found = store.get(b"k")
    assert found is not None
    assert list(found.entries) == [b"%d" % number for number in range(3, MOST_VARIANTS + 3)]
    assert kept(store, b"other") == [b"other"]
    assert (store.entries, store.evicted) == (MOST_VARIANTS + 1, 3)


def test_variants_of_one_key_do_not_take_the_whole_store() -> None:
    store = AnswerMemory(MIB)
    store.keep(b"other", (), b"", entry())
    for number in range(20):
        store.keep(b"k", (b"cookie",), b"%d" % number, entry(size=100_000))
    found = store.get(b"k")
    assert found is not None
    assert len(found.entries) == 5
    assert kept(store, b"other") == [b"other"]


def test_one_larger_than_half_of_the_store_is_refused_and_pushes_nothing_out() -> None:
    store = filled(AnswerMemory(MIB), b"http://a/1", b"http://a/2")
    assert not store.keep(b"k", (), b"", entry(size=MIB // 2))
    assert (store.entries, store.evicted, store.refused) == (2, 0, 1)


def test_what_a_refused_one_would_have_replaced_is_gone() -> None:
    store = AnswerMemory(MIB)
    store.keep(b"k", (b"accept",), b"html", entry())
    store.keep(b"k", (b"accept",), b"json", entry())
    store.keep(b"k", (b"accept",), b"html", entry(size=MIB))
    found = store.get(b"k")
    assert found is not None
    assert list(found.entries) == [b"json"]


def full_of_small_ones(store: AnswerMemory) -> list[bytes]:
    urls = []
    while not store.evicted:
        urls.append(b"http://shop.test/%d" % len(urls))
        filled(store, urls[-1])
    return urls


def test_one_for_which_too_many_would_leave_is_refused_and_finds_room_the_next_time() -> None:
    store = AnswerMemory(8 * MIB)
    full_of_small_ones(store)
    before = store.entries
    assert before > 3 * MOST_EVICTIONS
    large = entry(b"http://shop.test/large", 3 * MIB)
    tries = 0
    while not store.keep(b"large", (), b"", large):
        tries += 1
        assert store.get(b"large") is None
        assert store.entries == before - tries * MOST_EVICTIONS
        assert store.bytes <= 8 * MIB
        assert tries < 10
    assert tries
    assert store.get(b"large") is not None
    assert store.bytes <= 8 * MIB


def test_making_room_for_one_passes_over_a_bounded_number_of_those_that_are_in_use() -> None:
    store = AnswerMemory(8 * MIB)
    urls = full_of_small_ones(store)
    for url in urls * MOST_USES:
        store.get(url)
    passed_over = store._eviction.passed_over
    assert store.keep(b"large", (), b"", entry(b"http://shop.test/large", MIB // 2))
    assert store.evicted > 100
    assert store._eviction.passed_over - passed_over <= MOST_PASSED_OVER


def test_a_body_in_tiny_pieces_is_kept_in_one() -> None:
    store = AnswerMemory(MIB)
    tiny = replace(entry(size=100_000), pieces=tuple(b"x" for _ in range(100_000)))
    assert store.keep(b"k", (), b"", tiny)
    found = store.get(b"k")
    assert found is not None
    assert found.entries[b""].pieces == (b"x" * 100_000,)


def test_a_body_in_large_pieces_is_kept_without_a_copy() -> None:
    store = AnswerMemory(MIB)
    pieces = (bytes(16_000), bytes(16_000))
    store.keep(b"k", (), b"", replace(entry(size=32_000), pieces=pieces))
    found = store.get(b"k")
    assert found is not None
    assert found.entries[b""].pieces is pieces


def test_what_leaves_is_freed_at_once() -> None:
    store = AnswerMemory(MIB)
    gc.disable()  # a ring of references would wait for it, and 64 MiB became 147
    try:
        evicted, dropped = entry(b"http://a/1", 10, b"red"), entry(b"http://a/2", 10, b"red")
        tags = [weakref.ref(evicted.tags), weakref.ref(dropped.tags)]
        store.keep(b"1", (), b"", evicted)
        store.keep(b"2", (), b"", dropped)
        del evicted, dropped
        store.drop(b"2")
        filled(store, *(b"http://a/scan/%d" % number for number in range(2000)))
        assert [tag() for tag in tags] == [None, None]
    finally:
        gc.enable()


def test_dropping_takes_all_under_a_key_and_nothing_that_is_not_there() -> None:
    store = filled(AnswerMemory(MIB), b"http://a/1", b"http://a/2")
    store.drop(b"http://a/1")
    store.drop(b"http://a/3")
    assert kept(store, b"http://a/1", b"http://a/2") == [b"http://a/2"]
    store.drop(b"http://a/2")
    assert (store.bytes, store.entries, store.evicted) == (0, 0, 0)


URLS = (b"http://a/x/1", b"https://a/x/1", b"http://b/x/1", b"http://a/x/10", b"http://a/y")


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        ("url", b"http://a/x/1", URLS[1:]),
        ("url", b"/x/1", URLS[3:]),
        ("url", b"http://a/x", URLS),
        ("prefix", b"http://a/x", (*URLS[1:3], URLS[4])),
        ("prefix", b"/x/", URLS[4:]),
        ("prefix", b"/", ()),
        ("tag", b"http://a/x/1", URLS),
    ],
)
@pytest.mark.parametrize("is_soft", [False, True])
def test_a_purge_takes_what_it_names(
    kind: Kind, value: bytes, left: tuple[bytes, ...], is_soft: bool
) -> None:
    store = filled(AnswerMemory(MIB), *URLS)
    assert store.purge([Purge(kind, value, is_soft)]) == len(URLS) - len(left)
    fresh = []
    for url in URLS:
        found = store.get(url)
        assert (found is None) is (not is_soft and url not in left)
        if found is not None and not found.entries[b""].is_stale:
            fresh.append(url)
    assert tuple(fresh) == left


def test_a_tag_takes_all_that_have_it_and_only_the_variants_that_do() -> None:
    store = AnswerMemory(MIB)
    store.keep(b"1", (b"accept",), b"html", entry(b"http://a/1", 10, b"red", b"big"))
    store.keep(b"1", (b"accept",), b"json", entry(b"http://a/1", 10, b"big"))
    store.keep(b"2", (), b"", entry(b"http://a/2", 10, b"red"))
    assert store.purge([Purge("tag", b"red")]) == 2
    found = store.get(b"1")
    assert found is not None
    assert list(found.entries) == [b"json"]
    assert store.get(b"2") is None
    assert store.purge([Purge("tag", b"red")]) == 0
    assert store.purge([Purge("tag", b"big")]) == 1
    assert (store.bytes, store.entries) == (0, 0)


def test_one_url_finds_its_answers_under_all_primary_keys() -> None:
    store = AnswerMemory(MIB)
    for number in range(3):
        store.keep(b"%d" % number, (), b"", entry(b"http://a/1"))
    assert store.purge([Purge("url", b"http://a/1")]) == 3


def test_a_purge_pauses_between_its_steps() -> None:
    urls = [b"http://a/%d" % number for number in range(1000)]
    store = filled(AnswerMemory(8 * MIB), *urls)
    steps = store.purging([Purge("prefix", b"http://a/")])
    next(steps)
    assert 0 < store.entries < 1000
    assert at_once(steps) == 1000
    assert store.entries == 0


def test_what_leaves_during_a_purge_is_not_counted() -> None:
    urls = [b"http://a/%d" % number for number in range(1000)]
    store = filled(AnswerMemory(8 * MIB), *urls)
    steps = store.purging([Purge("prefix", b"http://a/")])
    next(steps)
    store.drop(urls[-1])
    assert at_once(steps) == 999


def test_a_smaller_bound_is_reached_in_steps_and_what_is_kept_meanwhile_fits() -> None:
    store = filled(AnswerMemory(4 * MIB), *(b"http://a/%d" % number for number in range(4000)))
    steps = store.resizing(MIB)
    next(steps)
    left = store.bytes
    assert MIB < left < 4 * MIB
    filled(store, b"http://a/new")
    assert store.bytes <= left
    at_once(steps)
    filled(store, *(b"http://b/%d" % number for number in range(1000)))
    assert MIB * 9 // 10 < store.bytes < MIB


def test_a_larger_bound_takes_more() -> None:
    store = AnswerMemory(MIB)
    at_once(store.resizing(4 * MIB))
    filled(store, *(b"http://a/%d" % number for number in range(4000)))
    assert 3 * MIB < store.bytes < 4 * MIB


def test_a_scan_does_not_push_out_what_is_used() -> None:
    popular = [b"http://a/popular/%d" % number for number in range(100)]
    store = filled(AnswerMemory(MIB), *popular)
    for _ in range(2):
        assert kept(store, *popular) == popular
    filled(store, *(b"http://a/scan/%d" % number for number in range(20_000)))
    assert store.evicted > 10_000
    assert kept(store, *popular) == popular


def test_what_comes_back_soon_stays_though_it_was_pushed_out_once() -> None:
    store = AnswerMemory(MIB)
    scanned = iter(range(100_000))
    again = b"http://a/again"
    filled(store, again)
    while store.evicted < 1:
        filled(store, b"http://a/scan/%d" % next(scanned))
    filled(store, again)
    for _ in range(3000):
        filled(store, b"http://a/scan/%d" % next(scanned))
    assert kept(store, again) == [again]


keys = st.integers(0, 12).map(lambda number: b"%d" % number)
variants = st.sampled_from([b"", b"a", b"b"])
tags = st.lists(st.sampled_from([b"red", b"big"]), max_size=2)
doings = st.lists(
    st.one_of(
        st.tuples(st.just("get"), keys),
        st.tuples(st.just("drop"), keys),
        st.tuples(
            st.just("keep"),
            keys,
            st.sampled_from([(), (b"accept",)]),
            variants,
            st.integers(0, 30_000),
            tags,
        ),
        st.tuples(
            st.just("purge"),
            st.sampled_from(["url", "prefix", "tag"]),
            st.sampled_from([b"http://a/1", b"/", b"red", b"big"]),
            st.booleans(),
        ),
    ),
    max_size=60,
)


@given(doings)
def test_the_counts_and_indexes_are_those_of_what_is_kept(doings: list[tuple]) -> None:  # type: ignore[type-arg]
    store = AnswerMemory(64 * 1024)
    for what, *how in doings:
        if what == "keep":
            key, vary, secondary, size, tags = how
            store.keep(key, vary, secondary, entry(b"http://a/" + key, size, *tags))
        elif what == "purge":
            store.purge([Purge(*how)])
        else:
            getattr(store, what)(*how)
        assert 0 <= store.bytes < 64 * 1024
    found = {key: store.get(key) for key in (b"%d" % number for number in range(13))}
    left = [one for kept in found.values() if kept is not None for one in kept.entries.values()]
    assert store.entries == len(left)
    for tag in (b"red", b"big"):
        having = sum(tag in one.tags for one in left)
        assert store.purge([Purge("tag", tag, soft=True)]) == having
    for key, kept in found.items():
        count = 0 if kept is None else len(kept.entries)
        assert store.purge([Purge("url", b"http://a/" + key)]) == count
    assert (store.bytes, store.entries) == (0, 0)
