"""Ranges are those of RFC 9110 §14, and however many are asked for, no byte is sent twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.ranges import MOST_BYTES, MOST_RANGES, Range, asked_ranges


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"bytes=0-0", [(0, 0)]),
        (b"bytes=0-", [(0, 9)]),
        (b"bytes=3-5", [(3, 5)]),
        (b"Bytes=3-5", [(3, 5)]),
        (b"bytes=3-99", [(3, 9)]),
        (b"bytes=9-9", [(9, 9)]),
        (b"bytes=-1", [(9, 9)]),
        (b"bytes=-10", [(0, 9)]),
        (b"bytes=-11", [(0, 9)]),
        (b"bytes=0-1,4-5", [(0, 1), (4, 5)]),
        (b"bytes=4-5, 0-1", [(4, 5), (0, 1)]),
        (b"bytes=0-1 ,\t-1", [(0, 1), (9, 9)]),
        (b"bytes=,0-1,,", [(0, 1)]),
        (b"bytes=0-1,10-12", [(0, 1)]),
        (b"bytes=-0,0-1", [(0, 1)]),
        (b"bytes=00000000000000000000000-0001", [(0, 1)]),
        (b"bytes=0-" + b"9" * 900, [(0, 9)]),
        # Those that overlap or touch are one, in the place of the first.
        (b"bytes=0-5,4-9", [(0, 9)]),
        (b"bytes=0-1,2-3", [(0, 3)]),
        (b"bytes=8-9,0-1,5-7", [(5, 9), (0, 1)]),
        (b"bytes=0-9,3-4,1-1,0-", [(0, 9)]),
        (b"bytes=2-3,6-7,0-1,4-5", [(0, 7)]),
    ],
)
def test_a_valid_range_is_resolved(value: bytes, expected: list[tuple[int, int]]) -> None:
    assert asked_ranges(value, 10) == tuple(Range(*one) for one in expected)


@pytest.mark.parametrize(
    "value",
    [b"bytes=10-", b"bytes=10-10", b"bytes=-0", b"bytes=11-12,99-", b"bytes=" + b"9" * 900 + b"-"],
)
def test_ranges_behind_the_end_leave_nothing(value: bytes) -> None:
    assert asked_ranges(value, 10) == ()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"bytes",
        b"bytes=",
        b"bytes=,",
        b"bytes=-",
        b"bytes=1",
        b"bytes=5-3",
        b"bytes=0-1,5-3",
        b"bytes=a-b",
        b"bytes=0x0-1",
        b"bytes=+0-1",
        b"bytes=0--1",
        b"bytes=--1",
        b"bytes=0-1-2",
        b"bytes= 0 - 1",
        b"bytes =0-1",
        b"bytes=0-1;2-3",
        b"bytes=0-1, bytes=2-3",
        b"bytes=\xb2-\xb3",
        b"items=0-1",
        b"bytesx=0-1",
        b"bytes=" + b"0" * 2000 + b"-1",
        b"bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(0, 2 * (MOST_RANGES + 1), 2)),
        b"bytes=" + b"0-," * 200_000,
        b"bytes=" + b"," * 1_000_000,
    ],
)
def test_a_range_that_is_not_valid_or_too_much_is_ignored(value: bytes) -> None:
    assert asked_ranges(value, 10) is None


@pytest.mark.parametrize("value", [b"bytes=0-", b"bytes=-5", b"bytes=3-4"])
def test_a_range_of_an_empty_body_is_ignored(value: bytes) -> None:
    assert asked_ranges(value, 0) is None


def test_as_many_ranges_and_as_long_a_value_as_are_allowed_are_taken() -> None:
    several = b"bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(0, 2 * MOST_RANGES, 2))
    assert asked_ranges(several, 100) == tuple(Range(n, n) for n in range(0, 2 * MOST_RANGES, 2))
    longest = b"bytes=0-1".ljust(MOST_BYTES, b",")
    assert asked_ranges(longest, 100) == (Range(0, 1),)
    assert asked_ranges(longest + b",", 100) is None


def test_a_range_says_which_bytes_it_is() -> None:
    assert Range(2, 5).content_range(9) == b"bytes 2-5/9"


SPECS = st.one_of(
    st.builds(
        lambda first, more: b"%d-%d" % (first, first + more), st.integers(0, 40), st.integers(0, 40)
    ),
    st.builds(lambda first: b"%d-" % first, st.integers(0, 40)),
    st.builds(lambda last: b"-%d" % last, st.integers(0, 40)),
)


def _positions(spec: bytes, length: int) -> set[int]:
    """The positions that one range names, said another way."""
    first, _, last = spec.partition(b"-")
    every = range(length)
    if not first:
        return set(every[-int(last) :]) if int(last) else set()
    return set(every[int(first) : int(last) + 1 if last else None])


@given(st.lists(SPECS, min_size=1, max_size=MOST_RANGES), st.integers(1, 30))
def test_the_ranges_are_exactly_the_bytes_that_are_asked_for_each_once(
    specs: list[bytes], length: int
) -> None:
    ranges = asked_ranges(b"bytes=" + b",".join(specs), length)
    assert ranges is not None
    sent = [at for one in ranges for at in range(one.first, one.last + 1)]
    assert len(sent) == len(set(sent)) == sum(one.length for one in ranges)
    assert set(sent) == set().union(*(_positions(spec, length) for spec in specs))
    assert len(ranges) <= len(specs)


@given(st.binary(max_size=40).map(lambda some: b"bytes=" + some), st.integers(0, 30))
def test_any_bytes_have_an_answer_within_the_body(value: bytes, length: int) -> None:
    for one in asked_ranges(value, length) or ():
        assert 0 <= one.first <= one.last < length
