"""Dates of HTTP fields."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.dates import http_date, imf_date

NOW_S = datetime(2026, 11, 29, tzinfo=UTC).timestamp()
AT_S = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "value",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"SUN, 06 nov 1994 08:49:37 gmt",
        b" Sun, 06 Nov 1994 08:49:37 GMT\t",
        b"Mon, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_a_date_is_read_in_each_of_its_forms_in_any_case(value: bytes) -> None:
    assert http_date(value, NOW_S) == AT_S
    assert http_date(value) == AT_S


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"0",
        b"-1",
        b"now",
        b"Sun, 06 Nov 1994 08:49:37 UTC",
        b"Sun, 06 Nov 1994 08:49:37 +0000",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun 06 Nov 1994 08:49:37 GMT",
        b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 94 08:49:37 GMT",
        b"Sun, 06-Nov-1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 8:49:37 GMT",
        b"Sun, 06 Nov 1994 08.49.37 GMT",
        b"Sun, 06 Nov 1994 24:00:00 GMT",
        b"Sun, 06 Nov 1994 08:60:37 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Sun, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Xyz 1994 08:49:37 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Nov 10000 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT\n",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT".encode(),
        b"Sun, 06 Nov 1994 08:49:37 GMT" * 1000,
    ],
)
def test_what_is_no_date_is_none(value: bytes) -> None:
    assert http_date(value, NOW_S) is None


def test_the_years_1_and_9999_are_read() -> None:
    first, last = (
        http_date(b"Mon, 01 Jan 0001 00:00:00 GMT"),
        http_date(b"Fri, 31 Dec 9999 23:59:60 GMT"),
    )
    assert first == -62_135_596_800.0
    assert last == 253_402_300_800.0


@pytest.mark.parametrize(
    ("two_digits", "year"), [(94, 1994), (50, 2050), (76, 2076), (77, 1977), (26, 2026), (0, 2000)]
)
def test_a_year_of_two_digits_is_at_most_50_years_ahead(two_digits: int, year: int) -> None:
    at_s = http_date(b"Monday, 01-Jan-%02d 00:00:00 GMT" % two_digits, NOW_S)
    assert at_s == datetime(year, 1, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now_year", "two_digits", "year"), [(2095, 10, 2110), (2001, 60, 1960), (2001, 40, 2040)]
)
def test_a_year_of_two_digits_may_be_of_the_next_century_or_of_the_last(
    now_year: int, two_digits: int, year: int
) -> None:
    now_s = datetime(now_year, 6, 1, tzinfo=UTC).timestamp()
    at_s = http_date(b"Monday, 01-Jan-%02d 00:00:00 GMT" % two_digits, now_s)
    assert at_s == datetime(year, 1, 1, tzinfo=UTC).timestamp()


def test_a_leap_second_is_the_next_minute() -> None:
    assert http_date(b"Sat, 31 Dec 2016 23:59:60 GMT") == http_date(
        b"Sun, 01 Jan 2017 00:00:00 GMT"
    )


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_date_that_is_written_is_read_as_it_was(at_s: int) -> None:
    assert http_date(imf_date(at_s)) == at_s


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(value: bytes) -> None:
    assert http_date(value, NOW_S) is None
