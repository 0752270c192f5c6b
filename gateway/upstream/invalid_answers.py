"""Finds where an answer stops being HTTP, for whoever has to fix the instance."""

import bisect

import httptools


def first_invalid_byte(data: bytes) -> int:
    """The offset of the first byte of an answer that the parser refuses."""
    return bisect.bisect_left(range(1, len(data) + 1), True, key=lambda n: _is_refused(data[:n]))


def _is_refused(data: bytes) -> bool:
    try:
        httptools.HttpResponseParser(object()).feed_data(data)
    except httptools.HttpParserUpgrade:
        return False
    except httptools.HttpParserError:
        return True
    return False
