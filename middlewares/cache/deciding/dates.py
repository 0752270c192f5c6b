"""Dates of HTTP fields (RFC 9110 §5.6.7)."""

import re
from datetime import date
from email.utils import formatdate

_MONTHS = {
    name: number
    for number, name in enumerate(
        (
            b"jan",
            b"feb",
            b"mar",
            b"apr",
            b"may",
            b"jun",
            b"jul",
            b"aug",
            b"sep",
            b"oct",
            b"nov",
            b"dec",
        ),
        1,
    )
}
_EPOCH_DAY = date(1970, 1, 1).toordinal()

_DAY_NAME = rb"(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY_NAME = rb"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = rb"(?P<month>[a-z]{3})"
_TIME = rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"

# A cache reads them in any case, and takes no zone but GMT (RFC 9111 §4.2).
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        _DAY_NAME + rb", (?P<day>[0-9]{2}) " + _MONTH + rb" (?P<year>[0-9]{4}) " + _TIME + rb" GMT",
        _LONG_DAY_NAME
        + rb", (?P<day>[0-9]{2})-"
        + _MONTH
        + rb"-(?P<year>[0-9]{2}) "
        + _TIME
        + rb" GMT",
        _DAY_NAME
        + rb" "
        + _MONTH
        + rb" (?P<day>[0-9]{2}| [0-9]) "
        + _TIME
        + rb" (?P<year>[0-9]{4})",
    )
)


def http_date(value: bytes, now_s: float | None = None) -> float | None:
    """Read a date in one of its three forms as Unix seconds; None if it is none, or not of the years 1 to 9999.

    `now_s` decides the century of a year with two digits: one over 50 years ahead is past (RFC 9110 §5.6.7).
    Without it, 70 to 99 are of the 20th century. A weekday that is another one's is no mistake.
    """
    value = value.strip(b" \t")
    for form in _FORMS:
        if (parts := form.fullmatch(value)) is not None:
            return _seconds(parts, now_s)
    return None


def imf_date(at_s: float) -> bytes:
    """Write Unix seconds as a field's date."""
    return formatdate(at_s, usegmt=True).encode("ascii")


def _seconds(parts: re.Match[bytes], now_s: float | None) -> float | None:
    month = _MONTHS.get(parts["month"].lower())
    hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["second"])
    # 60 is a leap second.
    if month is None or hour > 23 or minute > 59 or second > 60:
        return None
    year, day = int(parts["year"]), int(parts["day"])
    if len(parts["year"]) == 2:
        year = _whole_year(year, now_s)
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    return float(days * 86400 + hour * 3600 + minute * 60 + second)


def _whole_year(two_digits: int, now_s: float | None) -> int:
    if now_s is None:
        return two_digits + (1900 if two_digits >= 70 else 2000)
    this_year = 1970 + int(now_s // 31_556_952)
    year = this_year - this_year % 100 + two_digits
    if year > this_year + 50:
        return year - 100
    return year if year > this_year - 50 else year + 100
