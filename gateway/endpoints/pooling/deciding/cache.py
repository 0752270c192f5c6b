"""How `GET /cache` of a gateway is made of what its workers say."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.endpoints.pooling.deciding.pooled import (
    EACH,
    Ways,
    added,
    every,
    oldest,
    own,
    pooled,
    some,
)

WAYS: Ways = {
    "used": some,
    "hits": {EACH: added},
    "misses": {EACH: added},
    # Made anew of the sums.
    "hit_ratio": own,
    "collapsed": added,
    "stored": added,
    "not_stored": {EACH: added},
    "routes": {EACH: {"hit_ratio": own, EACH: added}},
    "memory": {EACH: added},
    "redis": {
        # What Redis itself has is the same for all.
        EACH: own,
        "away": some,
        **dict.fromkeys(("refused", "late", "bad_records"), added),
    },
    "purges": {
        **dict.fromkeys(("purged", "untold", "dropped"), added),
        "current": every,
        "age_s": oldest,
    },
}


def ratio(hits: int, misses: int) -> float | None:
    """The part of requests that were answered from the cache; None: there were none."""
    return round(hits / (hits + misses), 4) if hits + misses else None


def cache_of(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document of the gateway; the first one is the asked worker's."""
    made = pooled(documents, WAYS)
    made["hit_ratio"] = ratio(sum(made["hits"].values()), sum(made["misses"].values()))
    for route in made["routes"].values():
        route["hit_ratio"] = ratio(route["hits"], route["misses"])
    return made


def shown_of(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What one worker has for a request, one that would answer it if there is one; `workers` says how many would."""
    served = [document for document in documents if document["served"]]
    return {
        **(served or documents)[0],
        "workers": {"served": len(served), "asked": len(documents)},
    }
