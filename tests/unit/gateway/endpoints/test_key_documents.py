"""What a call about a key may say, and how it is told of mistakes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoints.key_documents import described, listed, overlap_ms, record_of
from middlewares.auth.ways.api_keys.deciding.records import (
    Change,
    KeyRecord,
    OwnLimit,
    decode,
    encode,
)
from middlewares.failures import BadRequest

NOW_S = 1_800_000_000.0
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000


def asked(**body: Any) -> KeyRecord:
    return record_of({"name": "n", **body}, NOW_S)


def refusal(body: Any) -> str:
    with pytest.raises(BadRequest) as refused:
        record_of(body, NOW_S)
    return refused.value.detail


def test_a_name_is_enough() -> None:
    assert asked() == KeyRecord("n", (), NOW_MS, None, None)
    assert asked(scopes=None, expires=None, limit=None) == asked()


@pytest.mark.parametrize(
    ("expires", "after_ms"),
    [
        ("90d", 90 * DAY_MS),
        ("1h", 3_600_000),
        ("1.5s", 1500),
        (60, 60_000),
        ("2027-01-16T08:00:00Z", DAY_MS),
        ("2027-01-16T10:00:00+02:00", DAY_MS),
        ("2027-01-16t08:00:00.250z", DAY_MS + 250),
    ],
)
def test_an_expiry_is_a_duration_or_a_time(expires: object, after_ms: int) -> None:
    assert asked(expires=expires).expires_ms == NOW_MS + after_ms


@pytest.mark.parametrize(
    "expires",
    [
        *("", "soon", "90 d", "-1d", "0s", 0, -5, True, [], {}, "1w", "99999999d", "nan"),
        *("2027-01-16", "2027-01-16T08:00:00", "2027-13-16T08:00:00Z", "2026-01-01T00:00:00Z"),
        *(
            "2027-01-16T08:00:00Zz",
            "\u0662027-01-16T08:00:00Z",
            float("nan"),
            float("inf"),
            "9" * 5000,
        ),
        # In UTC it is the year 10000, which no RFC 3339 time can say: the list of all keys would break by it.
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_other_expiries_are_refused(expires: object) -> None:
    assert refusal({"name": "n", "expires": expires}).startswith("expires: ")


def test_times_that_can_not_be_said_do_not_break_the_list() -> None:
    far = 10**16 - 1
    change = Change("k1", KeyRecord("n", (), far, far), ((b"d", None), (b"e", far)), 1, far)
    said = listed(change, KeyRecord("n", (), far, far), NOW_S)
    last = "9999-12-31T23:59:59Z"
    assert (said["created_at"], said["expires_at"], said["old_key_ends_at"]) == (last, last, last)
    assert said["last_used_at"] == last


@pytest.mark.parametrize("limit", ["100/60s", "100/1m", {"requests": 100, "window": "60s"}])
def test_a_limit_is_text_or_an_object(limit: object) -> None:
    assert asked(limit=limit).limit == OwnLimit(100, 60.0)


@pytest.mark.parametrize(
    "limit",
    [
        *(
            "",
            "100",
            "100/",
            "/60s",
            "0/60s",
            "100/0s",
            "1.5/60s",
            "100/60x",
            "100/2d",
            100,
            [],
            True,
        ),
        *({"requests": 100}, {"requests": "100", "window": "60s"}, {"requests": 1, "window": None}),
        *({"requests": 1, "window": "1s", "by": "client"}, {"requests": True, "window": "1s"}),
        *("-1/60s", "100/60s/2", "\u0661/60s", "9" * 5000 + "/60s"),
    ],
)
def test_other_limits_are_refused(limit: object) -> None:
    assert refusal({"name": "n", "limit": limit}).startswith("limit")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "the body must be a JSON object"),
        (None, "the body must be a JSON object"),
        ({}, "name: is missing"),
        ({"name": ""}, "name: must be printable text"),
        ({"name": 7}, "name: must be printable text"),
        ({"name": "a\r\nX-Auth-Subject: root"}, "name: must be printable text"),
        ({"name": "n", "scope": ["a"]}, "unknown key 'scope'; allowed: name, scopes"),
        ({"name": "n", "scopes": "a"}, "scopes: must be a list"),
        ({"name": "n", "scopes": ["a"] * 101}, "scopes: must be a list of at most 100"),
        ({"name": "n", "scopes": ["a", "b c"]}, "scopes[1]: must be a scope"),
        ({"name": "n", "scopes": ["a\r\nb"]}, "scopes[0]: must be a scope"),
        ({"name": "n", "scopes": [""]}, "scopes[0]: must be a scope"),
        ({"name": "n", "scopes": ["a" * 129]}, "scopes[0]: must be a scope"),
        ({"name": "n", "scopes": [7]}, "scopes[0]: must be a scope"),
    ],
)
def test_a_mistake_names_the_member(body: object, says: str) -> None:
    assert refusal(body).startswith(says)


def test_a_scope_that_is_given_twice_is_kept_once() -> None:
    assert asked(scopes=["b", "a", "b"]).scopes == ("b", "a")


@pytest.mark.parametrize(
    ("body", "overlap"),
    [
        ({}, DAY_MS),
        ({"overlap": None}, DAY_MS),
        ({"overlap": 0}, 0),
        ({"overlap": "1h"}, 3_600_000),
    ],
)
def test_an_overlap_is_a_day_unless_it_is_said(body: object, overlap: int) -> None:
    assert overlap_ms(body) == overlap


@pytest.mark.parametrize("body", [[], {"overlap": "soon"}, {"overlap": "366d"}, {"over": 1}])
def test_other_overlaps_are_refused(body: object) -> None:
    with pytest.raises(BadRequest):
        overlap_ms(body)


def test_a_key_is_described_without_a_secret() -> None:
    record = KeyRecord("n", ("a",), NOW_MS, NOW_MS + DAY_MS, OwnLimit(5, 90.0))
    assert described("k1", record, 1_800_000_059) == {
        "id": "k1",
        "name": "n",
        "scopes": ["a"],
        "created_at": "2027-01-15T08:00:00Z",
        "expires_at": "2027-01-16T08:00:00Z",
        "last_used_at": "2027-01-15T08:00:00Z",
        "limit": {"requests": 5, "window": "90s"},
        "old_key_ends_at": None,
    }


def test_an_expired_key_is_listed_as_such_and_an_overlap_while_it_lasts() -> None:
    def shown(record: KeyRecord, *ends: int | None) -> tuple[bool, str | None]:
        digests = tuple((bytes([number]) * 32, at) for number, at in enumerate(ends))
        document = listed(Change("k1", record, digests), record, NOW_S)
        return document["expired"], document["old_key_ends_at"]

    live = KeyRecord("n")
    assert shown(live, None) == (False, None)
    assert shown(live, None, NOW_MS) == (False, None)
    assert shown(live, None, NOW_MS + 5000, NOW_MS + 1000) == (False, "2027-01-15T08:00:05Z")
    assert shown(KeyRecord("n", expires_ms=NOW_MS), None, NOW_MS + 5000) == (True, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"name": st.text() | JSON}, optional=dict.fromkeys(("scopes", "expires", "limit"), JSON)
    )
)
def test_any_body_is_a_record_that_the_registry_can_keep_or_is_refused(body: Any) -> None:
    try:
        record = record_of(body, NOW_S)
    except BadRequest:
        return
    assert decode(encode(record).encode()) == record
