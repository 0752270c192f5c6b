"""What the caches of all workers say together."""

from collections import Counter

from gateway.endpoints.cache_documents import counts_document
from gateway.endpoints.pooling.deciding.cache import cache_of, ratio, shown_of
from middlewares.cache.counting import CacheCounts

STORES = {
    "memory": {"entries": 1, "bytes": 10, "max_bytes": 100, "evicted": 0, "refused": 0},
    "redis": {"away": False, "entries": 7, "max_bytes": 50, "refused": 1, "late": 0},
    "purges": {"purged": 1, "current": True, "age_s": 0.5, "untold": 0, "dropped": 0},
}


def test_all_counts_are_added_and_the_ratio_is_that_of_the_sums() -> None:
    counts = CacheCounts(
        hits=Counter({("a", "fresh"): 3}),
        misses=Counter({("a", "uri-miss"): 1, ("b", "uri-miss"): 1}),
        stored=Counter(a=2),
    )
    idle = {"used": False, **counts_document(CacheCounts()), **STORES, "redis": None}

    document = cache_of([idle, {"used": True, **counts_document(counts), **STORES}, idle])

    assert document == {
        "used": True,
        **counts_document(counts),
        "memory": {"entries": 3, "bytes": 30, "max_bytes": 300, "evicted": 0, "refused": 0},
        "redis": STORES["redis"],
        "purges": {"purged": 3, "current": True, "age_s": 0.5, "untold": 0, "dropped": 0},
    }
    assert document["hit_ratio"] == 0.6
    both = cache_of([{"used": True, **counts_document(counts), **STORES}] * 2)
    assert both["routes"]["a"] == {
        "hits": 6,
        "misses": 2,
        "hit_ratio": 0.75,
        "collapsed": 0,
        "stored": 4,
        "not_stored": 0,
    }
    # What Redis has is the same for all; what a worker did not get from it is its own.
    assert (both["redis"]["entries"], both["redis"]["refused"]) == (7, 2)


def test_a_cache_that_was_not_asked_has_no_ratio() -> None:
    assert ratio(0, 0) is None


def test_an_answer_that_one_worker_has_is_shown() -> None:
    nothing, kept = {"served": False, "why": "nothing"}, {"served": True, "why": "fresh"}

    assert shown_of([nothing, kept]) == kept | {"workers": {"served": 1, "asked": 2}}
    assert shown_of([nothing, nothing]) == nothing | {"workers": {"served": 0, "asked": 2}}
