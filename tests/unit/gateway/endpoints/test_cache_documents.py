"""What `POST /cache/purge` takes, and what it and `GET /cache` answer."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoints.cache_documents import (
    MOST_BYTES,
    counts_document,
    purged_document,
    purges_of,
    urls_of,
)
from middlewares.cache.counting import CacheCounts
from middlewares.cache.purging.everywhere import Purged
from middlewares.cache.stores.store import Purge
from middlewares.failures import BadRequest


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("/items/7", [b"/items/7"]),
        ("/items?a=b#c", [b"/items?a=b"]),
        ("https://Shop.Example/A", [b"https://shop.example/A", b"https://shop.example:443/A"]),
        ("http://a:80/x", [b"http://a/x", b"http://a:80/x"]),
        ("http://a:/x", [b"http://a/x", b"http://a:80/x"]),
        ("http://a:8080/x?y=/z", [b"http://a:8080/x?y=/z"]),
        ("http://a:080/x", [b"http://a/x", b"http://a:80/x"]),
        ("http://[::1]/x", [b"http://[::1]/x", b"http://[::1]:80/x"]),
        ("http://[::1]:80/x", [b"http://[::1]/x", b"http://[::1]:80/x"]),
        ("http://a", [b"http://a/", b"http://a:80/"]),
        ("http://a?b", [b"http://a/?b", b"http://a:80/?b"]),
        ("https://[::1]:8443/x", [b"https://[::1]:8443/x"]),
        ("HTTP://a/x", [b"http://a/x", b"http://a:80/x"]),
        ("/größe/%C3%9F", [b"/gr%C3%B6%C3%9Fe/%C3%9F"]),
        ("/a//b/../c%2f", [b"/a//b/../c%2f"]),
    ],
)
def test_a_url_has_the_forms_in_which_clients_ask_for_it(text: str, urls: list[bytes]) -> None:
    assert urls_of(text) == urls


@pytest.mark.parametrize(
    "text",
    [
        *("items/7", "shop.example/items", "ftp://a/x", "http://", "http:///x", "//a/x/ y"),
        *("http://u:p@a/x", "http://a:port/x", "http://a:99999/x", "http://[::1/x", "/a\nb", "#"),
    ],
)
def test_what_is_no_url_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadRequest, match=r"url: (must be a URL such as|has a space)"):
        urls_of(text)


def test_a_host_in_other_letters_is_refused_as_no_client_sends_it() -> None:
    with pytest.raises(BadRequest, match="url: its host must be in ASCII"):
        urls_of("http://bücher.example/")


def test_a_purge_names_one_thing() -> None:
    assert purges_of({"tag": "p7"}) == [Purge("tag", b"p7")]
    assert purges_of({"tag": "p7", "soft": True}) == [Purge("tag", b"p7", soft=True)]
    assert purges_of({"prefix": "/", "soft": False}) == [Purge("prefix", b"/")]
    assert purges_of({"url": "http://a:1/x"}) == [Purge("url", b"http://a:1/x")]


def test_a_prefix_that_ends_in_a_host_takes_no_longer_host() -> None:
    assert purges_of({"prefix": "http://a.example:8080"})[0].value == b"http://a.example:8080/"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ([], "the body must be a JSON object"),
        ({}, "one of url, prefix, tag, and one alone, must say"),
        ({"soft": True}, "one of url, prefix, tag, and one alone, must say"),
        ({"url": "/a", "tag": "b"}, "one of url, prefix, tag, and one alone, must say"),
        ({"urls": ["/a"]}, "unknown key 'urls'; allowed: url, prefix, tag, soft"),
        ({"url": 7}, "url: must be a text"),
        ({"prefix": ""}, "prefix: must be a text"),
        ({"prefix": "items"}, "prefix: must be a URL such as"),
        ({"url": "/" + "a" * MOST_BYTES}, "url: is longer than 8192 bytes"),
        ({"tag": "a b"}, "tag: must be printable ASCII"),
        ({"tag": "a,b"}, "tag: must be printable ASCII"),
        ({"tag": "ü"}, "tag: must be printable ASCII"),
        ({"tag": "a\x00"}, "tag: must be printable ASCII"),
        ({"tag": "a", "soft": 1}, "soft: must be true or false"),
        ({"url": "/\ud800"}, "url: has half of a character"),
    ],
)
def test_a_purge_that_cant_be_meant_is_refused_with_the_reason(body: object, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        purges_of(body)


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()))


@given(st.dictionaries(st.sampled_from(["url", "prefix", "tag", "soft", "x"]), VALUES))
def test_any_body_is_a_purge_or_refused(body: dict[str, object]) -> None:
    try:
        purges = purges_of(body)
    except BadRequest:
        return
    assert purges
    assert len(body.keys() - {"soft"}) == 1


@given(st.text(min_size=1, max_size=50))
def test_any_text_is_a_url_in_bytes_that_a_request_may_have_or_refused(text: str) -> None:
    try:
        urls = urls_of(text)
    except BadRequest:
        return
    for url in urls:
        assert all(0x20 < byte < 0x7F for byte in url)
        assert url.startswith(b"/") or url.count(b"/") >= 3


def test_the_answer_to_a_purge_that_holds_everywhere_has_the_number_alone() -> None:
    assert purged_document(Purged(3)) == {"purged": 3}


def test_the_answer_says_where_a_purge_does_not_hold_yet() -> None:
    document = purged_document(Purged(3, unconfirmed=2))
    assert (document["purged"], document["unconfirmed"]) == (3, 2)
    assert "as soon as they reach the registry" in document["detail"]
    document = purged_document(Purged(1, untold="the registry is away"))
    assert document["detail"].endswith("the registry is away")


def test_counts_are_told_in_all_and_by_route() -> None:
    counts = CacheCounts(
        hits=Counter({("a", "fresh"): 3, ("b", "fresh"): 1, ("a", "stale"): 1}),
        misses=Counter({("a", "uri-miss"): 4, ("c", "vary-miss"): 2}),
        collapsed=Counter({"a": 5}),
        stored=Counter({"a": 2, "b": 1}),
        not_stored=Counter({("a", "private"): 6}),
    )
    document = counts_document(counts)
    assert document["hits"] == {"fresh": 4, "stale": 1}
    assert document["misses"] == {"uri-miss": 4, "vary-miss": 2}
    assert document["not_stored"] == {"private": 6}
    assert document["hit_ratio"] == round(5 / 11, 4)
    assert (document["collapsed"], document["stored"]) == (5, 3)
    assert document["routes"]["a"] == {
        "hits": 4,
        "misses": 4,
        "hit_ratio": 0.5,
        "collapsed": 5,
        "stored": 2,
        "not_stored": 6,
    }
    assert list(document["routes"]) == ["a", "b", "c"]


def test_a_cache_that_was_not_asked_has_no_ratio() -> None:
    assert counts_document(CacheCounts())["hit_ratio"] is None
