"""Where an answer stops being HTTP, for the people who have to mend the instance."""

import bisect

import httptools


def first_invalid_byte(data: bytes) -> int:
    """The offset of the byte that the parser refuses in an answer that begins here."""
    return bisect.bisect_left(range(1, len(data) + 1), True, key=lambda n: _is_refused(data[:n]))


def _is_refused(data: bytes) -> bool:
    try:
        httptools.HttpResponseParser(object()).feed_data(data)
    except httptools.HttpParserUpgrade:
        return False
    except httptools.HttpParserError:
        return True
    return False
