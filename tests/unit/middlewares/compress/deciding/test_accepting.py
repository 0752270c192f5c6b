"""Which coding a client gets, by its Accept-Encoding."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from middlewares.compress.deciding.accepting import IDENTITY, MOST_BYTES, chosen

OURS = (b"zstd", b"br", b"gzip")


@pytest.mark.parametrize(
    ("value", "coding"),
    [
        (b"gzip", b"gzip"),
        (b"GZip", b"gzip"),
        (b"x-gzip", b"gzip"),
        # What browsers send: the server chooses among equals.
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip;q=1.0, br;q=0.9, zstd;q=0.8", b"gzip"),
        (b"gzip ; q=0.5\t, br;Q=0.501", b"br"),
        (b"*", b"zstd"),
        (b"*;q=0.5, gzip", b"gzip"),
        (b"zstd;q=0, *", b"br"),
        (b"gzip;q=0.001", b"gzip"),
        (b",, ,gzip,", b"gzip"),
        (b"identity, gzip;q=1", b"gzip"),
        (b"identity;q=0.5, gzip;q=0.2, br;q=0.7", b"br"),
        (b"identity;q=0, gzip;q=0.1", b"gzip"),
        (b"*;q=0, gzip;q=0.1", b"gzip"),
        # `*` is also identity where that is not named, and a coding is preferred among equals.
        (b"*;q=0.8, gzip;q=0.2", b"zstd"),
    ],
)
def test_the_preferred_coding_is_chosen(value: bytes, coding: bytes) -> None:
    assert chosen(value, OURS) == coding


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b" ",
        b",",
        b"identity",
        b"deflate, compress",
        b"gzip;q=0",
        b"gzip;q=0.000",
        b"*;q=0",
        b"gzip;q=0.5, identity;q=0.6",
        b"gzip;q=0.2, br;q=0, zstd;q=0, *;q=0.8",  # then `*` is identity
        # Refused once is refused, wherever it stands.
        b"gzip, gzip;q=0",
        b"gzip;q=0, x-gzip",
        # Not well-formed.
        b"gzip;q=2",
        b"gzip;q=-1",
        b"gzip;q=0.1234",
        b"gzip;q=",
        b"gzip;q",
        b"gzip;level=9",
        b"gzip br",
        b'"gzip"',
        b"gzip;q=\xd9\xa1",
        b"gzip" + b"," * MOST_BYTES,
        b"a,gzip," * 4000,
    ],
)
def test_no_coding_is_chosen(value: bytes | None) -> None:
    assert chosen(value, OURS) == IDENTITY


def test_only_codings_in_use_are_chosen() -> None:
    assert chosen(b"*", ()) == IDENTITY
    assert chosen(b"zstd, gzip;q=0.1", (b"gzip",)) == b"gzip"


@given(
    st.dictionaries(st.sampled_from([*OURS, b"identity", b"*", b"deflate"]), st.integers(0, 1000))
)
def test_a_coding_is_never_worse_than_another_or_than_none(said: dict[bytes, int]) -> None:
    value = b", ".join(b"%b;q=%d.%03d" % (name, *divmod(q, 1000)) for name, q in said.items())
    others = said.get(b"*", 0)
    quality = {name: said.get(name, others) for name in (*OURS, b"identity")}
    found = chosen(value, OURS)
    of_found = quality[found or b"identity"]
    assert of_found == max(quality.values()) or (found and not said.get(b"identity", others))
    if found:
        assert of_found


@given(st.binary(max_size=200) | st.lists(st.sampled_from(b"gzip;q=01., *\t")).map(bytes))
def test_any_bytes_are_read(value: bytes) -> None:
    assert chosen(value, OURS) in (IDENTITY, *OURS)
