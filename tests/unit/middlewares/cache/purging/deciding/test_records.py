"""The records of the log of purges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.purging.deciding.records import EVERYTHING, InvalidRecord, decode, encode
from middlewares.cache.stores.store import Purge
from tests.support.purging import entry

PURGES = st.builds(
    Purge,
    kind=st.sampled_from(["url", "prefix", "tag"]),
    value=st.binary(),
    soft=st.booleans(),
)


@given(st.lists(PURGES))
def test_purges_come_back_as_they_were_whatever_bytes_they_name(purges: list[Purge]) -> None:
    assert decode(encode(purges).encode()) == purges


@pytest.mark.parametrize(
    "record",
    [
        *(b"", b"\xff", b"7", b'{"u": 1}', b"[7]", b'[["u", "x"]]', b'[["u", "x", 0, 0]]'),
        *(b'[["q", "x", 0]]', b'[["u", 7, 0]]', b'[["u", "\\u20ac", 0]]', b"[" * 100_000),
    ],
)
def test_a_record_that_cant_be_read_says_so(record: bytes) -> None:
    with pytest.raises(InvalidRecord):
        decode(record)


@given(st.sampled_from([b"http://a/", b"https://a.example:8443/x?y", b"http://[::1]/"]))
def test_everything_takes_any_url(url: bytes) -> None:
    assert EVERYTHING.takes(entry(url))
