"""Byte ranges of a request (RFC 9110 §14): which bytes of a body they ask for."""

import re
from typing import Final, NamedTuple

#: A Range with more ranges, or with a longer value, is ignored, as RFC 9110 §14.2 allows.
MOST_RANGES: Final = 16
MOST_BYTES: Final = 1024
_UNIT: Final = re.compile(rb"(?i:bytes)=")
_ONE: Final = re.compile(rb"([0-9]*)-([0-9]*)")
#: A position of more digits is after the end of any body.
_MOST_DIGITS: Final = 18


class Range(NamedTuple):
    """Positions of the first and the last byte."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def content_range(self, whole: int) -> bytes:
        """The value of Content-Range, for a body of this whole length."""
        return b"bytes %d-%d/%d" % (self.first, self.last, whole)


def asked_ranges(value: bytes, length: int) -> tuple[Range, ...] | None:
    """The ranges of a body of this length, without overlaps, in the order in which they are asked for.

    None: Range is ignored, because it is not valid, of another unit or too long, or because the body is empty.
    None of the ranges: they are all behind the end, so 416 is the answer.
    """
    unit = _UNIT.match(value)
    if unit is None or len(value) > MOST_BYTES or not length:
        return None
    specs = [spec.strip(b" \t") for spec in value[unit.end() :].split(b",")]
    specs = [spec for spec in specs if spec]  # empty elements are allowed (RFC 9110 §5.6.1)
    if not 0 < len(specs) <= MOST_RANGES:
        return None
    asked: list[Range] = []
    for spec in specs:
        found = _ONE.fullmatch(spec)
        if found is None or spec == b"-":
            return None
        first, last = found.groups()
        if first and last and _number(last) < _number(first):
            return None
        one = _resolved(first, last, length)
        if one is not None:
            asked.append(one)
    return _without_overlaps(asked)


def _number(digits: bytes) -> int:
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


def _resolved(first: bytes, last: bytes, length: int) -> Range | None:
    """The bytes that one range asks for; None if the body has none of them."""
    if not first:
        suffix = _number(last)
        return Range(max(0, length - suffix), length - 1) if suffix else None
    begin = _number(first)
    if begin >= length:
        return None
    return Range(begin, min(_number(last), length - 1) if last else length - 1)


class _Joined(NamedTuple):
    """Ranges that overlap or touch, as one; `place` is that of the first of them in the request."""

    place: int
    range: Range


def _without_overlaps(asked: list[Range]) -> tuple[Range, ...]:
    """The ranges, with those that overlap or touch joined in the place of the first of them (RFC 9110 §15.3.7.2).

    No byte is sent twice then, however often it is asked for.
    """
    joined: list[_Joined] = []
    for place, one in sorted(enumerate(asked), key=lambda numbered: numbered[1]):
        if joined and one.first <= joined[-1].range.last + 1:
            before = joined.pop()
            last = max(before.range.last, one.last)
            joined.append(_Joined(min(before.place, place), Range(before.range.first, last)))
        else:
            joined.append(_Joined(place, one))
    return tuple(one.range for one in sorted(joined))
