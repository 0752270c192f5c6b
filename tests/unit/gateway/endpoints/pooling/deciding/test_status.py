"""The status of a gateway, made of what its workers say."""

from collections.abc import Mapping
from typing import Any

from gateway.endpoints.pooling.deciding.pooled import EACH, pooled
from gateway.endpoints.pooling.deciding.status import WAYS, status_of
from tests.support.documents import rows_of


def joined(name: str, *values: Any) -> Any:
    return pooled([{name: value} for value in values], WAYS)[name]


def test_each_documented_member_has_a_way() -> None:
    for names, _ in rows_of("docs/operations.md", "`GET /status`"):
        for name in names.split(", "):
            ways: Any = WAYS
            for part in name.split("."):
                assert callable(ways) or part in ways or EACH in ways, name
                ways = ways if callable(ways) else ways.get(part, ways.get(EACH))


def test_the_registry_is_as_the_worker_sees_it_that_is_worst_off() -> None:
    good = {"connected": True, "stale": False, "writable": True, "view_age_s": 0.1, "epoch": "e"}
    bad = {"connected": False, "stale": True, "writable": False, "view_age_s": 9.0, "epoch": "e"}

    assert joined("registry", good, bad) == bad
    assert joined("registry", good, bad | {"view_age_s": None})["view_age_s"] is None


def test_descriptors_are_those_of_the_fullest_worker() -> None:
    assert joined(
        "descriptors",
        {"open": 10, "max": 100, "clients_refused": 1},
        {"open": 90, "max": 100, "clients_refused": 2},
        {"open": None, "max": 100, "clients_refused": 0},
    ) == {"open": 90, "max": 100, "clients_refused": 3}


def test_limits_are_held_by_requests_of_all_workers() -> None:
    def limits(reserved: int, *, alone: bool) -> Mapping[str, Any]:
        return {"alone": alone, "requests": 9, "policies": [{"name": "a", "reserved": reserved}]}

    assert joined("limits", limits(1, alone=False), limits(2, alone=True)) == {
        "alone": True,
        "requests": 9,
        "policies": [{"name": "a", "reserved": 3}],
    }


def test_a_file_with_mistakes_is_current_in_no_gateway() -> None:
    good = {"loaded_at": "2026-01-02", "current": True, "mistakes": []}
    bad = {"loaded_at": "2026-01-01", "current": False, "mistakes": ["a:1"]}

    assert joined("config", good, bad) == bad


def test_what_is_watched_goes_by_the_worst() -> None:
    assert joined(
        "watched",
        {"orders": {"ejected": 1, "breaker": "half_open"}},
        {"orders": {"ejected": 0, "breaker": "open"}, "prices": {"breaker": "closed"}},
    ) == {"orders": {"ejected": 1, "breaker": "open"}, "prices": {"breaker": "closed"}}


def test_counts_of_caches_mirrors_and_handshakes_are_added() -> None:
    purges = {"current": True, "age_s": 0.1, "untold": 0, "dropped": 1}
    cache: dict[str, Any] = {
        "entries": 1,
        "bytes": 2,
        "max_bytes": 3,
        "hits": 4,
        "misses": 5,
        "purges": purges,
    }
    assert joined("cache", cache, cache) == {
        **{name: 2 * cache[name] for name in ("entries", "bytes", "max_bytes", "hits", "misses")},
        "purges": {"current": True, "age_s": 0.1, "untold": 0, "dropped": 2},
    }
    assert joined("mirrors", {"copies": 1}, {"copies": 2}) == {"copies": 3}
    tls = {"certificates": [], "mistake": None, "handshakes": {"full": 1}}
    assert joined("tls", tls, tls | {"mistake": "unreadable"}) == {
        "certificates": [],
        "mistake": "unreadable",
        "handshakes": {"full": 2},
    }


def test_ways_of_authentication_are_as_the_worker_knows_them_that_knows_least() -> None:
    assert joined(
        "auth",
        {"keys": {"type": "api_key", "known": 3, "current": True, "age_s": 0.1}},
        {"keys": {"type": "api_key", "known": 2, "current": False, "age_s": 7.0}},
    ) == {"keys": {"type": "api_key", "known": 2, "current": False, "age_s": 7.0}}


def test_splits_documents_certificates_and_losses() -> None:
    assert joined(
        "splits",
        {"a": {"shares": {"x": 1}, "registry": "current"}},
        {"a": {"shares": {"x": 2}, "registry": "away"}},
    ) == {"a": {"shares": {"x": 1}, "registry": "away"}}
    old, new = ({"service": "a", "version": "1", "age_s": age_s, "error": None} for age_s in (9, 1))
    assert joined("documents", [new], [old, {"service": "b", "version": None}]) == [
        old,
        {"service": "b", "version": None},
    ]
    assert joined("mass_losses", {"a": {"lost": 1}}, {"a": {"lost": 3}}) == {"a": {"lost": 3}}
    assert joined(
        "acme",
        {"registry_reached": True, "certificates": {"a": {"failures": 0}}},
        {"registry_reached": True, "certificates": {"a": {"failures": 2, "why": "dns"}}},
    ) == {"registry_reached": True, "certificates": {"a": {"failures": 2, "why": "dns"}}}


def test_a_worker_that_did_not_answer_is_listed() -> None:
    status = status_of(
        {"2": {"workers": [{"slot": 1, "ready": True}]}},
        {"1": {"slot": 0, "ready": False}, "2": {"slot": 1, "ready": False}},
    )

    assert status["workers"] == [{"slot": 0, "ready": False}, {"slot": 1, "ready": True}]


def test_a_worker_of_another_release_that_lists_itself_otherwise_is_listed() -> None:
    own_document, other = {"workers": [{"slot": 0, "ready": True}]}, {"version": "9"}
    members = {"1": {"slot": 0, "ready": False}, "2": {"slot": 1, "ready": False}}
    status = status_of({"1": own_document, "2": other}, members)
    assert status["workers"] == [{"slot": 0, "ready": True}, {"slot": 1, "ready": False}]
