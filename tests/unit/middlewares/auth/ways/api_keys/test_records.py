"""What the registry keeps of a key, and what may stand there instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.api_keys.deciding.records import (
    InvalidRecord,
    KeyRecord,
    OwnLimit,
    change_of,
    decode,
    encode,
    is_name,
    unreadable,
)

SHA = b"ab" * 32
RECORD = KeyRecord("orders", ("orders:read",), 1000, 5000, OwnLimit(100, 60.0))


@pytest.mark.parametrize("record", [RECORD, KeyRecord("ä b"), KeyRecord("n", (), 1, None, None)])
def test_a_record_comes_back_as_it_went(record: KeyRecord) -> None:
    assert decode(encode(record).encode()) == record


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{}",
        b'{"name": 7, "scopes": [], "created_ms": 1}',
        b'{"name": "a\\nb", "scopes": [], "created_ms": 1}',
        b'{"name": "a", "scopes": ["a b"], "created_ms": 1}',
        b'{"name": "a", "scopes": [7], "created_ms": 1}',
        b'{"name": "a", "scopes": 7, "created_ms": 1}',
        b'{"name": "a", "scopes": [], "created_ms": -1}',
        b'{"name": "a", "scopes": [], "created_ms": 1, "expires_ms": "x"}',
        b'{"name": "a", "scopes": [], "created_ms": 1, "limit": {"requests": 0, "window_s": 1}}',
        b'{"name": "a", "scopes": [], "created_ms": 1, "limit": {"requests": 5, "window_s": 0}}',
        b'{"name": "a", "scopes": [], "created_ms": 1, "limit": {"requests": 5}}',
        b'{"name": "a", "scopes": [], "created_ms": 1, "limit": {"requests": 5, "window_s": null}}',
    ],
)
def test_what_is_not_a_record_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidRecord):
        decode(text)


def test_a_row_is_a_change() -> None:
    row = [b"k1", encode(RECORD).encode(), SHA + b" " + b"cd" * 32, b"- 7000", b"12", b"3"]
    change = change_of(row)
    assert (change.id, change.record, change.revision, change.used_s) == ("k1", RECORD, 12, 3)
    assert change.digests == ((b"\xab" * 32, None), (b"\xcd" * 32, 7000))


@pytest.mark.parametrize(
    ("digests", "ends"), [(b"xyz", b"-"), (SHA, b""), (SHA + b" " + SHA, b"-"), (b"\xff", b"1")]
)
def test_a_row_with_odd_digests_is_refused_and_is_then_one_without_a_key(
    digests: bytes, ends: bytes
) -> None:
    row = [b"k1", encode(RECORD).encode(), digests, ends, b"12", b""]
    with pytest.raises(InvalidRecord):
        change_of(row)
    change = unreadable(row)
    assert (change.id, change.record, change.digests, change.revision) == ("k1", None, (), 12)


@given(st.lists(st.binary(max_size=80), min_size=6, max_size=6))
def test_any_row_is_a_change_or_is_refused(row: list[bytes]) -> None:
    try:
        change_of(row)
    except InvalidRecord:
        unreadable(row)


@pytest.mark.parametrize("name", ["a", "orders batch", "münchen", "x" * 256])
def test_names_that_can_be_subjects(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a\r\nX-Auth-Subject: b", "\x00", "ä" * 129, "\ud800", 7, None]
)
def test_names_that_can_not(name: object) -> None:
    assert not is_name(name)
