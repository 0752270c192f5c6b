"""Whether a purge took an answer that was on its way."""

from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.purging.deciding import recent as recents
from middlewares.cache.purging.deciding.recent import RecentPurges
from middlewares.cache.stores.store import Purge
from tests.support.purging import entry

URLS = [b"http://a/1", b"http://a/12", b"https://a/1", b"http://b/1?x=/", b"http://b/"]
VALUES = [*URLS, b"/1", b"/", b"http://a", b"t", b"u", b"/1?x=/"]
PURGES = st.builds(
    Purge, kind=st.sampled_from(["url", "prefix", "tag"]), value=st.sampled_from(VALUES)
)


def test_nothing_is_taken_without_a_purge() -> None:
    recent = RecentPurges()
    assert not recent.took(entry(b"http://a/1"), recent.revision)


@given(
    before=st.lists(PURGES, max_size=5),
    since=st.lists(PURGES, max_size=5),
    url=st.sampled_from(URLS),
    tags=st.sets(st.sampled_from([b"t", b"u"])),
)
def test_an_answer_is_taken_by_the_purges_since_it_was_asked_for_and_by_no_other(
    before: list[Purge], since: list[Purge], url: bytes, tags: set[bytes]
) -> None:
    recent, one = RecentPurges(), entry(url, *tags)
    recent.add(before)
    asked_at = recent.revision
    recent.add(since)
    assert recent.took(one, asked_at) == any(purge.takes(one) for purge in since)
    assert recent.knows(one, asked_at) == recent.took(one, asked_at)


@given(
    before=st.lists(PURGES, max_size=5),
    since=st.lists(PURGES, max_size=5),
    url=st.sampled_from(URLS),
)
def test_an_answer_with_unknown_tags_may_be_taken_by_any_purge_of_a_tag(
    before: list[Purge], since: list[Purge], url: bytes
) -> None:
    recent, one = RecentPurges(), entry(url)
    recent.add(before)
    asked_at = recent.revision
    recent.add(since)
    assert recent.may_have_taken(url, asked_at) == any(
        purge.kind == "tag" or purge.takes(one) for purge in since
    )


def test_what_was_forgotten_may_have_taken_it() -> None:
    recent, one = RecentPurges(), entry(b"http://a/1")
    asked_at = recent.revision
    recent.forget()
    assert recent.took(one, asked_at)
    assert not recent.took(one, recent.revision)
    assert not recent.knows(one, asked_at)


def test_an_answer_asked_for_before_the_oldest_known_purge_is_not_kept() -> None:
    recent, one = RecentPurges(), entry(b"http://a/1")
    asked_at = recent.revision
    recent.add([Purge("tag", b"other")] * (recents.MOST_OTHERS + 1))
    assert recent.took(one, asked_at)
    assert not recent.took(one, asked_at + 1)


def test_a_million_invalidated_urls_need_no_memory() -> None:
    recent, one = RecentPurges(), entry(b"http://a/1")
    recent.add(Purge("url", b"http://a/%d" % n) for n in range(2, recents.MOST_URLS * 2))
    assert len(recent._urls) == recents.MOST_URLS
    assert recent.took(one, 0)
    assert not recent.took(one, recent.revision - recents.MOST_URLS)


def test_a_url_that_is_purged_again_is_among_the_newest() -> None:
    recent, one = RecentPurges(), entry(b"http://a/1")
    recent.add([Purge("url", b"http://a/1")])
    recent.add(Purge("url", b"http://b/%d" % n) for n in range(recents.MOST_URLS - 1))
    asked_at = recent.revision
    recent.add([Purge("url", b"http://a/1")])
    recent.add(Purge("url", b"http://c/%d" % n) for n in range(recents.MOST_URLS - 1))
    assert recent.took(one, asked_at)
